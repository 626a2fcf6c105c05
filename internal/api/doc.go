// Package api is the control API: the JSON that scripts parse, the server on two Unix sockets, and the metrics listener.
//
//  1. The types here are the contract: names, order and nulls of their JSON are what slicectl prints; a list is never null.
//  2. Every JSON object begins with "version":1; the field's type sees to it, so the zero value is right.
//  3. The package decides nothing: Agent and Meter, which it declares, do. They are implemented in cmd/sliced.
//  4. Who may ask is decided by the sockets' file modes alone; requests that come from a web page are refused.
//  5. Everything a client can make large is bounded: bodies, headers, connections, time.
//  6. A change is carried out even when the client goes away in the middle of it.
package api
