"""The `phasegate` commands, one file each; `app.py` lists them."""
