"""Numbers that say how well: sequence accuracy, word error rate, localisation mAP."""
