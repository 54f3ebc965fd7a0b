"""Where notifications may go. Names are looked up for real."""

import ipaddress
import socket
from datetime import datetime

import httpcore
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from barograph.notify import Attempt
from barograph.notify.connection import Deadline, Refused, connect, is_local, is_public
from tests.notify.receiving import body, endpoint, serving, status


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.255.0.9", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.0.1", "169.254.169.254", "0.0.0.0",
        "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
        "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1", "2001:db8::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2002:a00:1::1",
        "2001:0:1:2:3:4:80ff:fffe", "", "localhost", "1.1.1", "0x7f000001",
    ],
)  # fmt: skip
def test_these_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "8.8.8.8", "172.15.0.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8",
     "2002:808:808::1"],
)  # fmt: skip
def test_these_are_public(address: str) -> None:
    assert is_public(address)


@settings(derandomize=True)
@given(st.ip_addresses(v=4))
def test_an_address_within_another_is_judged_as_itself(ip: ipaddress.IPv4Address) -> None:
    embedded = [f"::ffff:{ip}", f"64:ff9b::{ip}", str(ipaddress.IPv6Address(0x2002 << 112 | int(ip) << 80))]
    assert {is_public(address) for address in embedded} == {is_public(str(ip))}


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "[::1]", "10.0.0.1", "fe80::1%eth0"])
def test_a_host_that_says_itself_that_it_is_not_public(host: str) -> None:
    assert is_local(host)


@pytest.mark.parametrize("host", ["example.org", "localhost.example.org", "1.1.1.1", "[2606:4700::1111]", "127.1", "notlocalhost"])
def test_other_hosts_are_looked_up_first(host: str) -> None:
    assert not is_local(host)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.1", "017700000001", "0"])
def test_a_name_that_leads_to_this_machine_is_refused_after_its_look_up(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(Refused):
            connect(host, port, (), Deadline(5))
        listening.settimeout(0)
        with pytest.raises(BlockingIOError):  # nobody came
            listening.accept()
        connect(host, port, (host,), Deadline(5)).close()
        listening.settimeout(5)
        listening.accept()[0].close()


@pytest.mark.parametrize("host", ["no.such.host.invalid", "a..b", "x" * 300, "ä" * 70])
def test_a_name_that_leads_nowhere_is_no_connection(host: str) -> None:
    with pytest.raises(httpcore.ConnectError):
        connect(host, 80, (host,), Deadline(5))


def test_a_receiver_whose_name_leads_to_a_private_host_hears_nothing() -> None:
    with serving(hook=status(200)) as server:
        url = server.url("hook").replace("127.0.0.1", "127.1")  # its address says nothing, its look-up does
        with endpoint(url, allow_hosts=("127.0.0.1",)).open() as send:
            attempt = send("msg_1", body(), datetime(2024, 3, 1))
    assert (attempt, server.got) == (Attempt("Refused", delivered=False, reached=False), [])


def test_of_several_addresses_the_first_that_answers_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:  # localhost may lead to ::1 first
        connect("localhost", listening.getsockname()[1], ("localhost",), Deadline(5)).close()


def test_a_deadline_ends() -> None:
    with pytest.raises(httpcore.ReadTimeout):
        Deadline(0).left()
    assert 0 < Deadline(60).left() <= 60
