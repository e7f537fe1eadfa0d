"""The files of a pretrained model, from a folder or the hub: checked, bounded and identified before they are opened."""
