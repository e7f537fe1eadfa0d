"""What a model and its training cost: parameters, tokens through each stack, FLOPs, device speed."""
