"""Models: built or given, placed on a device, spoken with."""
