"""Visitors of the dashboard without a browser: plain websockets that speak Streamlit's own protocol.

Each opens a session as a browser does, learns from the page which controls there are, changes one of them, and knows
when it has been told the whole page. What a browser would then draw is no part of it.
"""

import asyncio
import time
from typing import Any, Self

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from websockets.asyncio.client import ClientConnection, connect

PATIENCE = 60.0
"""Seconds until a page that does not come is given up."""


class Session:
    """One visitor: what it is shown, and what it chose."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._page_hash = self._query = ""
        self._controls: dict[str, Any] = {}
        self._states: dict[str, WidgetState] = {}
        self._known: set[str] = set()
        self.bytes = 0
        """How much it was sent."""

    @classmethod
    async def open(cls, port: int, page: str = "", query: str = "") -> Self:
        """A visitor who has been told the whole of a page (`timeline`; none: the first) with these query parameters."""
        address = f"localhost:{port}"
        session = cls(
            await connect(
                f"ws://{address}/_stcore/stream", origin=f"http://{address}", subprotocols=["streamlit"],  # type: ignore[arg-type, list-item]
                max_size=None, open_timeout=PATIENCE,
            )
        )  # fmt: skip
        session._query = query
        await session._rerun(page)
        return session

    @property
    def controls(self) -> dict[str, list[str]]:
        """What can be chosen on the page, by the label of the control."""
        return {label: _options(control) for label, control in self._controls.items()}

    def chosen(self, label: str) -> str:
        """What a control is set to."""
        state = self._states[self._controls[label].id]
        return state.string_value or next(iter(state.string_array_value.data), "")

    async def choose(self, label: str, option: str) -> float:
        """Choose an option of a control. Returns the seconds until the whole page was told."""
        control = self._controls[label]
        self._states[control.id] = _state(control, option)
        return await self._rerun()

    async def close(self) -> None:
        """Leave."""
        await self._socket.close()

    async def _rerun(self, page: str = "") -> float:
        """Ask for the page as things stand, and listen until it is whole."""
        states = WidgetStates(widgets=[self._states[control.id] for control in self._controls.values()])
        asked = ClientState(
            query_string=self._query, widget_states=states, page_name=page, page_script_hash=self._page_hash,
            cached_message_hashes=self._known,
        )  # fmt: skip
        began = time.perf_counter()
        await self._socket.send(BackMsg(rerun_script=asked).SerializeToString())
        async with asyncio.timeout(PATIENCE):
            while not self._heard(await self._socket.recv()):
                pass
        return time.perf_counter() - began

    def _heard(self, data: str | bytes) -> bool:
        """Take in one message. Returns whether it was the last one of the page."""
        assert isinstance(data, bytes)
        self.bytes += len(data)
        message = ForwardMsg.FromString(data)
        if message.metadata.cacheable and message.hash:
            self._known.add(message.hash)
        match message.WhichOneof("type"):
            case "new_session":
                self._page_hash = message.new_session.page_script_hash
                self._controls = {}
            case "page_info_changed":
                self._query = message.page_info_changed.query_string
            case "delta" if message.delta.WhichOneof("type") == "new_element":
                element = message.delta.new_element
                kind = element.WhichOneof("type")
                if kind in ("selectbox", "button_group"):
                    self._meet(getattr(element, kind))
            case "script_finished":
                return message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY
        return False

    def _meet(self, control: Any) -> None:
        """Keep a control, and what it says that it is set to."""
        self._controls[control.label] = control
        options = _options(control)
        if control.set_value:
            said = control.raw_value if control.DESCRIPTOR.name == "Selectbox" else next(iter(control.raw_values), "")
            self._states[control.id] = _state(control, said)
        elif control.id not in self._states and options:
            usual = control.default if control.DESCRIPTOR.name == "Selectbox" else next(iter(control.default), 0)
            self._states[control.id] = _state(control, options[usual])
        self._states.setdefault(control.id, WidgetState(id=control.id))


def _options(control: Any) -> list[str]:
    return [getattr(option, "content", option) for option in control.options]


def _state(control: Any, option: str) -> WidgetState:
    state = WidgetState(id=control.id)
    if control.DESCRIPTOR.name == "ButtonGroup":
        state.string_array_value.data.append(option)
    else:
        state.string_value = option
    return state
