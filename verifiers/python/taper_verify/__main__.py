"""`python3 -m taper_verify`: see README.md."""

from .command import main

raise SystemExit(main())
