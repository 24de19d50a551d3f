"""Two clients of an XMPP server (python3-slixmpp): both log in over TLS, chat, and meet in a room.

usage: xmpp_client.py PORT MESSAGES
The users a and b of localhost have the password "secret". Prints one line for each thing that was seen.
"""
import asyncio
import ssl
import sys

import slixmpp

ROOM = "meeting@conference.localhost"


class Client(slixmpp.ClientXMPP):
    def __init__(self, name):
        super().__init__(f"{name}@localhost/test", "secret")
        self.name = name
        for plugin in ("xep_0030", "xep_0045", "xep_0199", "xep_0092", "xep_0054", "xep_0060"):
            self.register_plugin(plugin)
        self.ssl_context.check_hostname = False
        self.ssl_context.verify_mode = ssl.CERT_NONE
        self.ready = asyncio.Event()
        self.inbox, self.room = asyncio.Queue(), asyncio.Queue()
        self.add_event_handler("session_start", lambda _: self.ready.set())
        self.add_event_handler("message", self.came)
        self.add_event_handler("groupchat_message", lambda m: self.room.put_nowait((m["from"].resource, m["body"])))
        self.add_event_handler("failed_auth", lambda _: sys.exit(f"{name}: the password was refused"))

    def came(self, message):
        if message["type"] in ("chat", "normal") and message["body"]:
            self.inbox.put_nowait((message["from"].bare, message["body"]))


async def session(port, count):
    a, b = Client("a"), Client("b")
    for client in (a, b):
        client.connect(("127.0.0.1", port), use_ssl=False, force_starttls=True, disable_starttls=False)
        await asyncio.wait_for(client.ready.wait(), 20)
        client.send_presence()
        await client.get_roster()
    print("both are logged in, by", a["feature_mechanisms"].mech.name)
    print("version:", (await a["xep_0092"].get_version("localhost"))["software_version"]["name"])
    await a["xep_0199"].ping("localhost")

    for i in range(count):
        a.send_message(mto="b@localhost/test", mbody=f"{i} für b ☃", mtype="chat")
    for i in range(count):
        got = await asyncio.wait_for(b.inbox.get(), 20)
        assert got == ("a@localhost", f"{i} für b ☃"), got
        b.send_message(mto="a@localhost/test", mbody=f"answer {i}", mtype="chat")
    for i in range(count):
        assert await asyncio.wait_for(a.inbox.get(), 20) == ("b@localhost", f"answer {i}")
    print("chat:", count, "messages there and back")

    for client in (a, b):
        await asyncio.wait_for(client["xep_0045"].join_muc_wait(ROOM, client.name, timeout=20, maxstanzas=0), 30)
        if client is a:  # a new room is locked until its owner takes its settings
            await a["xep_0045"].set_room_config(ROOM, await a["xep_0045"].get_room_config(ROOM))
    a.send_message(mto=ROOM, mbody="hello room", mtype="groupchat")
    for client in (a, b):
        while (got := await asyncio.wait_for(client.room.get(), 20)) != ("a", "hello room"):
            pass
    items = (await b["xep_0030"].get_items(jid=ROOM))["disco_items"]["items"]
    print("room:", sorted(i[0].rsplit("/")[-1] for i in items))

    card = a["xep_0054"].make_vcard()
    card["FN"] = "A of localhost"
    await a["xep_0054"].publish_vcard(card)
    print("card:", (await b["xep_0054"].get_vcard("a@localhost"))["vcard_temp"]["FN"])
    for client in (a, b):
        await client.disconnect()


asyncio.get_event_loop().run_until_complete(asyncio.wait_for(session(int(sys.argv[1]), int(sys.argv[2])), 120))
