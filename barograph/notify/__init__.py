"""Delivery of notifications: in which words, to which address, and when again where it failed."""

from barograph.notify.endpoint import Attempt, Endpoint, Send, endpoints_of
from barograph.notify.retries import RETRIES, next_attempt

__all__ = ["RETRIES", "Attempt", "Endpoint", "Send", "endpoints_of", "next_attempt"]
