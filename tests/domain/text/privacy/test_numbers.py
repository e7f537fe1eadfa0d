from __future__ import annotations

import pytest

from domain.text.privacy import mask
from domain.text.privacy.numbers import iban_holds, luhn

# Published test numbers: card schemes' own, and the SWIFT IBAN registry's examples.
CARDS = ["4111 1111 1111 1111", "5555555555554444", "378282246310005", "6011-1111-1111-1117", "3530111333300000",
         "3782-822463-10005",
         "30569309025904", "2223003122003222", "5105105105105100", "4012888888881881"]  # fmt: skip
IBANS = ["GB82 WEST 1234 5698 7654 32", "DE89370400440532013000", "FR14 2004 1010 0505 0001 3M02 606",
         "NO93 8601 1117 947", "AT61 1904 3002 3457 3201", "CH93 0076 2011 6238 5295 7", "BE68539007547034",
         "MT84 MALT 0110 0001 2345 MTLC AST0 01S", "nl91abna0417164300"]  # fmt: skip


@pytest.mark.parametrize("number", CARDS)
def test_published_cards_are_masked_wherever_they_stand(number: str) -> None:
    assert luhn("".join(filter(str.isdigit, number)))
    for text in ("Card {}.", "{}", "pay by {} 12/27 cvc 123", "({}), thanks", "{} 999", "card,{}"):
        masked, found = mask(text.format(number))
        assert found == {"card": 1}
        assert masked == text.format("<CARD>")


@pytest.mark.parametrize("number", IBANS)
def test_published_ibans_are_masked_and_what_follows_is_not(number: str) -> None:
    assert iban_holds(number)
    for text in ("IBAN {} BIC", "to {}, now", "{} BANK OF", "{}"):
        assert mask(text.format(number)) == (text.format("<IBAN>"), {"iban": 1})


@pytest.mark.parametrize("number", [n[:-1] + str((int(n[-1]) + 1) % 10) for n in CARDS])
def test_a_wrong_check_digit_is_no_card(number: str) -> None:
    assert mask(f"order {number} shipped")[1].get("card") is None


@pytest.mark.parametrize(
    "text", ["GB82 WEST 1234 5698 7654 33", "DE8937040044053201300", "XX82 WEST 1234 5698 7654 32"]
)
def test_no_ibans(text: str) -> None:
    assert mask(text) == (text, {})


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("write to Ann.Lee+news@mail.example.co.uk.", "write to <EMAIL>."),
        ("<_ops@example.org>", "<<EMAIL>>"),
        ("SSN 078-05-1120", "SSN <SSN>"),
        ("SSN 078051120; social security number: 078 05 1120", "SSN <SSN>; social security number: <SSN>"),
        ("from 86.121.97.248.", "from <IP>."),
        ("from 86.121.97.248:8080", "from <IP>:8080"),
        ("src=52.95.110.1 dst=10.1.2.3 via 192.168.1.17", "src=<IP> dst=<IP> via <IP>"),
        ("client 8.8.4.4, 1.2.3.4:443 and from 3.5.140.2", "client <IP>, <IP>:443 and from <IP>"),
        ("1.2.3.4 - - [10/Oct/2000:13:55:36 -0700]", "<IP> - - [10/Oct/2000:13:55:36 -0700]"),
        ("10.0.0.1-10.0.0.9, fe80::1ff:fe23:4567:890a, fd00::12", "<IP>-<IP>, <IP>, <IP>"),
        ("-info@bank.com, info@müller.de, o'brien@bank.com", "-<EMAIL>, <EMAIL>, <EMAIL>"),
        (
            "请联系info@bank.com谢谢 用户@例子.公司 пример@почта.рф root@10.0.0.1",
            "请联系<EMAIL>谢谢 <EMAIL> <EMAIL> <EMAIL>",
        ),
        ("john.doe [at] bank.com, j.doe(at)bank(dot)com, J DOT DOE AT BANK DOT COM", "<EMAIL>, <EMAIL>, <EMAIL>"),
        ("IBAN DE89-3704-0044-0532-0130-00, 4111.1111.1111.1111", "IBAN <IBAN>, <CARD>"),
        ("card 6304000000000000000", "card <CARD>"),
        ("at 2606:4700:4700::1111, or 2001:4860:4860:0:0:0:0:8888", "at <IP>, or <IP>"),
    ],
)
def test_what_is_masked(text: str, masked: str) -> None:
    assert mask(text)[0] == masked


@pytest.mark.parametrize(
    "text",
    [
        "x[::2] and std::vector at 12:30:45",
        "127.0.0.1, 0.0.0.0, 255.255.255.0, 169.254.169.254, 224.0.0.1 and version 2.13.0.1",
        "Section 12.1.2.3, v. 24.0.1.7, pip install a==20.1.2.3, version=52.95.110.1, 4.1.2.3, a-52.95.110.1.tar",
        "lot 6304000000000000000, default_rng(2435908729190400), seed = 3562050283508273023 and [635554097106142143]",
        "look at the dot com boom, meet at noon (at work) and use @pytest.fixture",
        "@decorator and user@localhost",
        "000-12-3456, 666-12-3456, 123-00-4567 and 912-34-5678",
        "219099999, 219 09 9999 and 467 3395 737 219 628",
        "revenue of 4,111,111,111 and 0.4111111111111111",
        "pi is 3.14159265358979323846",
        "ISBN 978-3-16-148410-0",
    ],
)
def test_what_is_not(text: str) -> None:
    assert mask(text) == (text, {})
