"""Rules as data: what they may say, and what each comes to on given facts; reads nothing and knows nobody."""
