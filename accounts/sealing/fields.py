"""The columns that hold what is sealed."""

from typing import Any

from django.db import models


class SealedField(models.BinaryField):
    """A column with what `sealed` returns for one purpose. By it the change of DATA_KEY finds all that is sealed."""

    def __init__(self, purpose: str = "", **options: Any) -> None:
        super().__init__(**options)
        self.purpose = purpose

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        """Migrations know it as the plain column that it is."""
        name, _path, args, options = super().deconstruct()
        return name, "django.db.models.BinaryField", args, options
