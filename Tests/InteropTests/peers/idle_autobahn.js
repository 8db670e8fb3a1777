// A real WAMP client, Autobahn|JS, that joins, is silent until an event comes, and prints what it
// saw.
//
// usage: idle_autobahn.js BUNDLE PROCEDURE URL REALM SERIALIZER
//
// It registers PROCEDURE, which answers "alive", and subscribes to com.example.idle. Every
// observation is one JSON line, {"name": ..., "value": ...}. This file judges nothing; the test
// that starts it does. NODE_PATH must lead to the "ws" module.
"use strict";

const { join, observe } = require("./autobahn_js.js");
const procedure = process.argv[3];

async function main() {
    const { session, gone } = await join();
    gone.then(() => {
        observe("lost", true);
        process.exit(0);
    });
    await session.register(procedure, () => "alive");
    await session.subscribe("com.example.idle", (args) => {
        observe("event", args);
        observe("end", true);
        process.exit(0);
    });
    observe("idle", true);
}

main();
