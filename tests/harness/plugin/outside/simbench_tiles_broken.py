"""A plugin that cannot be imported: it is named, and the others work."""

import no_such_package_at_all  # noqa: F401
