import pytest

from tests.crm.shelving import fill_shelf
from tests.desk import Desk


@pytest.fixture
def shelf(desk: Desk) -> Desk:
    """Records with few distinct values and many gaps, so that ties and nulls are everywhere."""
    fill_shelf(desk)
    return desk
