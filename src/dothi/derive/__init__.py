"""What sources lack, inferred with a method and a confidence for every value."""
