"""What a model costs: parameters, tokens through each stack, FLOPs, device speed."""
