"""One adapter an implementation; the only places that name one."""
