import csv
import hashlib
import io
import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hierarchy.exports.labels import (
    COLUMNS,
    FORMATS,
    LabelCounts,
    LabelRow,
    count_labels,
    encode_csv,
    encode_json,
    write_labels,
    write_probability,
    write_time,
)

rows = st.builds(
    LabelRow,
    image=st.binary(min_size=32, max_size=32).map(bytes.hex),
    wnid=st.integers(0, 10**8 - 1).map("n{:08d}".format),
    verdict=st.sampled_from(["ACCEPTED", "REJECTED"]),
    probability=st.floats(0, 1).map(write_probability),
    votes=st.integers(0, 100),
    source=st.sampled_from(["CONSENSUS", "CURATOR"]),
    at=st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC)).map(write_time),  # noqa: DTZ001
)


@given(rows)
def test_both_formats_can_be_read_back(row):
    from_json = json.loads(encode_json(row))
    from_csv = next(csv.DictReader(io.StringIO(encode_csv(row).decode()), fieldnames=COLUMNS))

    assert from_json == asdict(row)
    assert from_csv == {name: str(value) for name, value in asdict(row).items()}


@given(st.lists(rows, max_size=20))
def test_sizes_rows_and_digests_are_those_of_the_bytes(labels):
    sinks = {name: io.BytesIO() for name in FORMATS}

    files = write_labels(iter(labels), sinks=sinks)

    for file in files:
        data = sinks[file.name].getvalue()
        assert (file.size, file.sha256) == (len(data), hashlib.sha256(data).hexdigest())
        assert file.rows == len(labels)
    assert [file.name for file in files] == list(FORMATS)


def test_a_file_of_json_lines_has_one_line_a_label_and_csv_one_more():
    row = LabelRow("00" * 32, "n02084071", "ACCEPTED", 0.97, 5, "CONSENSUS", "2026-01-01T00:00:00.000000Z")
    sinks = {name: io.BytesIO() for name in FORMATS}

    write_labels([row, row], sinks=sinks)

    assert len(sinks["labels.jsonl"].getvalue().splitlines()) == 2
    assert sinks["labels.csv"].getvalue().splitlines()[0] == b"image,wnid,verdict,probability,votes,source,at"


@given(st.lists(rows, max_size=30))
def test_counts_agree_with_counting_by_hand(labels):
    labels.sort(key=lambda row: row.wnid)
    counts = LabelCounts()

    passed = list(count_labels(labels, counts=counts))

    assert passed == labels
    assert (counts.rows, counts.synsets) == (len(labels), len({row.wnid for row in labels}))
    assert counts.by_verdict.total() == counts.by_source.total() == len(labels)
    assert counts.by_verdict["ACCEPTED"] == sum(row.verdict == "ACCEPTED" for row in labels)


@pytest.mark.parametrize(
    ("probability", "text"), [(1 / 3, "0.333333"), (0.9999999, "1.0"), (0, "0.0"), (1e-6, "1e-06")]
)
def test_a_probability_has_six_places(probability, text):
    assert repr(write_probability(float(probability))) == text


def test_times_are_written_in_utc_with_microseconds():
    noon = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))

    assert write_time(noon) == "2026-01-01T10:00:00.000000Z"
