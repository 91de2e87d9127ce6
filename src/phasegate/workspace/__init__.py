"""The user's repository: its git, the digest of its work tree, and writes that stay inside it."""
