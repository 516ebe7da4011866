"""Shapes of fields that several resources have."""

from decimal import Decimal
from typing import Annotated, Any

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Number = Annotated[int, Field(ge=1, le=2**63 - 1)]
Id = Annotated[int, Path(ge=1, le=2**63 - 1)]
Epoch = Annotated[int, Path(ge=1, le=2**31 - 1)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00]*$")]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=r"^[^\x00]*$")]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Amount = Annotated[Decimal, Field(gt=0, max_digits=30, decimal_places=12)]
Json = dict[str, Any]


class Body(BaseModel):
    """What is not known is refused: a misspelt field would be a setting that silently does not hold."""

    model_config = ConfigDict(extra="forbid")


class Done(BaseModel):
    """It was done."""
