// A real WAMP client, Autobahn|JS, whose procedure gives three results ahead of the last one to
// whoever asks for them.
//
// usage: progress_callee.js BUNDLE SCENARIO URL REALM SERIALIZER
//
// It serves com.example.count until it is ended; the scenario does not matter.
"use strict";

const { join } = require("./autobahn_js.js");

async function main() {
    const { session } = await join();
    await session.register("com.example.count", (args, kwargs, details) => {
        if (details.progress) {
            for (let number = 0; number < 3; number += 1) { details.progress([number]); }
        }
        return "done";
    });
}

main();
