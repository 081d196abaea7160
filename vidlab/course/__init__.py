"""Courses: notebooks for students made from the labs, and their answers graded."""
