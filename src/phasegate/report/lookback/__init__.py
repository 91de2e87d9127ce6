"""What went wrong before phasegate was there: sessions and commits, judged by rules that fire when sure."""
