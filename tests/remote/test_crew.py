import json

from bohb.errors import RemoteError
from bohb.hyperband import Leg
from bohb.objective.objective import LegResult, Outcome
from bohb.remote.crew import Done, Order, WrittenError
from bohb.store.legs import LegMarks, Span


class NeedsTwoError(ValueError):
    def __new__(cls, first, second):
        return super().__new__(cls, first, second)


def travelled(kind, thing):
    return kind.read(json.loads(json.dumps(thing.written())))


def test_an_error_is_of_the_first_known_class_that_it_belongs_to():
    written = WrittenError.of(KeyError("lost"))
    error = written.restored([ValueError, LookupError, KeyError])
    assert isinstance(error, LookupError)
    assert str(error) == "'lost'"
    assert "KeyError" in str(error.__cause__)


def test_an_error_of_no_known_class_and_one_that_cannot_be_made_are_remote_errors():
    for known in ([], [NeedsTwoError]):
        error = WrittenError.of(NeedsTwoError("a", "b")).restored(known)
        assert isinstance(error, RemoteError)
        assert "NeedsTwoError: ('a', 'b')" in str(error)


def test_orders_and_results_are_the_same_after_they_were_json():
    order = Order("t", 3, Leg(3, 1, 2, 9, 3), LegMarks("now", "before"), {"x": 0.5}, 7)
    assert travelled(Order, order) == order
    result = LegResult(Outcome.REACHED, float("inf"), None, Span(1.0, 2.0, "host:1"))
    assert travelled(Done, Done.of("t", result, is_waiting=True)).result([]) == result
