from intelligence.models.connection import (
    CompanyConnection,
    CompanyDay,
    PersonConnection,
    PersonDay,
)
from intelligence.models.insight import CompanyInsight, PersonInsight
from intelligence.models.interaction import (
    CompanyInteraction,
    Interaction,
    InteractionKind,
    InteractionParty,
    PersonInteraction,
)

__all__ = [
    "CompanyConnection",
    "CompanyDay",
    "CompanyInsight",
    "CompanyInteraction",
    "Interaction",
    "InteractionKind",
    "InteractionParty",
    "PersonConnection",
    "PersonDay",
    "PersonInsight",
    "PersonInteraction",
]
