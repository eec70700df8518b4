"""The reference loader with one deliberate defect each: does the suite find it?"""
