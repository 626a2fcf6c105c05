"""A BitTorrent client: torrent.py ADDRESS PORT FOLDER [torrent=FILE] [peer=ADDRESS] [node=ADDRESS]...

It listens for uTP alone, besides the DHT; others listen on the same port. It ends when it has what the torrent holds, or never.
"""

import sys
import time

import libtorrent as lt

address, port, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]
options = [word.split("=", 1) for word in sys.argv[4:]]

listen = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
session = lt.session({
    "listen_interfaces": listen,
    "outgoing_interfaces": address,
    "enable_outgoing_tcp": False,
    "enable_incoming_tcp": False,
    "enable_upnp": False,
    "enable_natpmp": False,
    "enable_lsd": False,
    "enable_dht": True,
    "dht_bootstrap_nodes": "",
    "dht_restrict_routing_ips": False,
    "dht_restrict_search_ips": False,
    "dht_ignore_dark_internet": False,
    "allow_multiple_connections_per_ip": True,
    "upload_rate_limit": 250_000,
})
for name, value in options:
    if name == "node":
        session.add_dht_node((value, port))

handle = None
for name, value in options:
    if name == "torrent":
        handle = session.add_torrent({"ti": lt.torrent_info(value), "save_path": folder})
for name, value in options:
    if name == "peer":
        handle.connect_peer((value, port))

print("up", flush=True)
while not (handle and handle.status().is_seeding and any(n == "peer" for n, _ in options)):
    time.sleep(0.2)
    for alert in session.pop_alerts():
        print(alert, flush=True)
print("done", flush=True)
time.sleep(1)
