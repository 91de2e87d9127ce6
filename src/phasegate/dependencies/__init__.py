"""Which packages a repository relies on, by its lock files; which known holes they have; which licences."""
