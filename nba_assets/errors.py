"""The exceptions of the package.

    NbaAssetsError
    ├── SettingsError          the configuration cannot be used
    ├── SourceError            a source did not deliver what it must
    │   ├── SourceUnavailable  waiting may help: time-out, throttled, file being written
    │   └── BadInput           waiting does not help: the data is not what its contract says
    ├── AnotherSource          the warehouse is filled from another source
    ├── NotCertified           a read of data that no passed audit vouches for
    ├── CannotRestore          an earlier version cannot be made the current one again
    ├── AlertNotDelivered      a channel did not take a message
    ├── TransformError         a transformation is not legal GoogleSQL for every engine
    └── WarehouseError         the store refused, or read back something else than was written
        ├── WarehouseBusy      another writer held the store for longer than the limit
        └── ConcurrentChange   an input was republished while its dependent was being computed

A message names the table, the date, the game where there is one, and what to do next.
"""

from collections.abc import Collection
from datetime import date


class NbaAssetsError(Exception):
    """Base of every error this package raises on purpose."""


class SettingsError(NbaAssetsError):
    """The configuration cannot be used; the message names the variable and the allowed values."""


class SourceError(NbaAssetsError):
    """A source did not deliver what it must.

    ``dates`` are the game dates it concerns; None means all that were asked for.
    """

    def __init__(self, message: str, dates: Collection[date] | None = None) -> None:
        super().__init__(message)
        self.dates = dates


class SourceUnavailable(SourceError):
    """The source cannot be read now; the same request may succeed later."""


class BadInput(SourceError):
    """The source delivered data that breaks its contract; asking again will not help."""


class AnotherSource(NbaAssetsError):
    """The warehouse is filled from another source than the one that is configured."""


class NotCertified(NbaAssetsError):
    """A read of data that no passed audit vouches for."""


class CannotRestore(NbaAssetsError):
    """An earlier version of a date cannot be made the current one again."""


class AlertNotDelivered(NbaAssetsError):
    """A channel did not take a message; where it is sent to is a secret and not told."""


class TransformError(NbaAssetsError):
    """A transformation uses what the engines do not agree on, or reads what it did not declare."""


class WarehouseError(NbaAssetsError):
    """The store refused an operation, or read back something else than was written."""


class WarehouseBusy(WarehouseError):
    """Another process held the store for longer than the configured limit."""


class ConcurrentChange(WarehouseError):
    """An input was republished while its dependent was being computed; run it again."""
