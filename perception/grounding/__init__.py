"""What stands where: objects found in colour and depth, described, placed in the map, and reached by words."""
