// A real WAMP client, Autobahn|JS, that plays one scenario and prints what it saw.
//
// usage: autobahn_js.js BUNDLE SCENARIO URL REALM SERIALIZER
//
// Every observation is one JSON line, {"name": ..., "value": ...}. This file judges nothing; the
// test that starts it does. NODE_PATH must lead to the "ws" module.
"use strict";

// The bundle is made for browsers: give it their WebSocket, and let it not take Node for Node.
let latestSocket;
global.WebSocket = class extends require("ws") {
    constructor(...parameters) {
        super(...parameters);
        latestSocket = this;
    }
};
Object.defineProperty(process, "versions", { value: { ...process.versions, node: undefined } });

const [bundle, scenario, url, realm, serializerName] = process.argv.slice(2);
const autobahn = require(bundle);

const serializers = {
    json: autobahn.serializer.JSONSerializer,
    msgpack: autobahn.serializer.MsgpackSerializer,
    cbor: autobahn.serializer.CBORSerializer,
};

// This release hands its CBOR decoder an ArrayBuffer, of which that takes nothing; as hex text it
// takes the same bytes.
autobahn.serializer.CBORSerializer.prototype.unserialize = (payload) =>
    autobahn.cbor.decodeFirstSync(Buffer.from(payload).toString("hex"), { encoding: "hex" });

function observe(name, value) {
    process.stdout.write(JSON.stringify({ name, value }) + "\n");
}

// Joins the realm: {session, details, gone, close(), breakConnection()}, where `gone` and close()
// resolve to the reason once the connection is gone.
function join(options = {}) {
    return new Promise((resolve, reject) => {
        const connection = new autobahn.Connection({
            url, realm, serializers: [new serializers[serializerName]()], max_retries: 0,
            ...options,
        });
        let closed;
        const gone = new Promise((done) => { closed = done; });
        let socket;
        connection.onopen = (session, details) => resolve({
            session, details, gone,
            close() { connection.close(); return gone; },
            breakConnection() { socket.terminate(); return gone; },
        });
        connection.onclose = (reason, details) => {
            const refusal = new Error(`${reason}: ${JSON.stringify(details)}`);
            refusal.error = details.reason;
            reject(refusal);
            closed(details.reason);
            return true;
        };
        connection.open();
        socket = latestSocket;
    });
}

async function joinMany(count) {
    const all = [];
    for (let i = 0; i < count; i += 1) { all.push(await join()); }
    return all;
}

async function closeAll(all) {
    for (const one of all) { await one.close(); }
}

// What a request came to: "ok", or the URI of its ERROR.
async function outcome(promise) {
    try {
        await promise;
        return "ok";
    } catch (error) {
        return error.error;
    }
}

// The registrations as applications write them.
const registrations = {
    omitted: (session, procedure1) =>
        session.register("com.myapp.procedure1", procedure1),
    single: (session, procedure1) =>
        session.register("com.myapp.procedure1", procedure1, {invoke: "single"}),
    roundrobin: (session, procedure1) =>
        session.register("com.myapp.procedure1", procedure1, {invoke: "roundrobin"}),
    random: (session, procedure1) =>
        session.register("com.myapp.procedure1", procedure1, {invoke: "random"}),
    first: (session, procedure1) =>
        session.register("com.myapp.procedure1", procedure1, {invoke: "first"}),
    last: (session, procedure1) =>
        session.register("com.myapp.procedure1", procedure1, {invoke: "last"}),
};

const scenarios = {
    // Callees under each rule, and who answered each of the calls.
    async rules() {
        const caller = await join();
        for (const [rule, register] of Object.entries(registrations)) {
            const callees = await joinMany(rule === "single" || rule === "omitted" ? 1 : 3);
            for (const [index, callee] of callees.entries()) {
                await register(callee.session, () => index);
            }
            const answers = [];
            for (let i = 0; i < 300; i += 1) {
                answers.push(await caller.session.call("com.myapp.procedure1"));
            }
            observe(`answers ${rule}`, answers);
            await closeAll(callees);
            observe(`after the last ${rule}`,
                await outcome(caller.session.call("com.myapp.procedure1")));
        }
        await caller.close();
    },

    // Second registrations that must fail, for each rule in force.
    async conflicts() {
        for (const [held, register] of Object.entries(registrations)) {
            const [holder, newcomer] = await joinMany(2);
            await register(holder.session, () => "holder");
            for (const [rule, again] of Object.entries(registrations)) {
                if (rule === held && rule !== "single" && rule !== "omitted") { continue; }
                observe(`${held}, then ${rule}`,
                    await outcome(again(newcomer.session, () => "newcomer")));
            }
            observe(`${held} answers`, await newcomer.session.call("com.myapp.procedure1"));
            await closeAll([holder, newcomer]);
        }
    },

    // Rules that do not exist, and what becomes of the session that asked.
    async unknown_rules() {
        const { session, close } = await join();
        await session.register("com.myapp.kept", () => "kept");
        for (const rule of ["all", "RoundRobin", "foo", ""]) {
            observe(`rule ${rule}`,
                await outcome(session.register("com.myapp.odd", () => 0, {invoke: rule})));
        }
        observe("the session lives on", await session.call("com.myapp.kept"));
        observe("nothing was registered", await outcome(session.call("com.myapp.odd")));
        await close();
    },

    // Values, events and errors there and back.
    async values() {
        const [callee, caller] = await joinMany(2);
        await callee.session.register("com.myapp.echo", (args, kwargs) =>
            new autobahn.Result(args, kwargs));
        await callee.session.register("com.myapp.fail", () => {
            throw new autobahn.Error("com.myapp.error", ["no"], { code: 7 });
        });
        const values = [
            null, true, false, 0, 1, -1, 127, 128, 255, 256, 65535, 65536, -32769, 4294967295,
            2147483648, -2147483649, 0.5, -1.25, 1e300, "", "text \u00e9 \u6f22 \ud83d\ude00",
            [], {}, [1, [2, [3, {}]]], { a: { b: [null, { c: "d" }] } },
            // The CBOR encoder of this release refuses messages above 16 KiB.
            "x".repeat(serializerName === "cbor" ? 1 << 12 : 1 << 20),
        ];
        const changed = [];
        for (const value of values) {
            const back = await caller.session.call("com.myapp.echo", [value], { key: value });
            const text = JSON.stringify(value);
            if (JSON.stringify(back.args[0]) !== text || JSON.stringify(back.kwargs.key) !== text) {
                changed.push(text.slice(0, 100));
            }
        }
        observe("values", values.length);
        observe("changed", changed);
        try {
            await caller.session.call("com.myapp.fail");
        } catch (error) {
            observe("error", [error.error, error.args, error.kwargs]);
        }
        const events = [];
        const finished = new Promise((resolve) => {
            callee.session.subscribe("com.myapp.topic", (args) => {
                events.push(args[0]);
                if (args[0] === 49) { resolve(); }
            }).then(async () => {
                for (let i = 0; i < 50; i += 1) {
                    await caller.session.publish(
                        "com.myapp.topic", [i], {}, { acknowledge: true });
                }
            });
        });
        await finished;
        observe("events", events);
        await closeAll([callee, caller]);
    },
};

// Plays the scenario of that name, and ends the process.
function play(scenarios) {
    scenarios[scenario]().then(
        () => { observe("end", true); process.exit(0); },
        (error) => { console.error(error); process.exit(1); });
}

module.exports = { autobahn, join, joinMany, closeAll, observe, outcome, play };
if (require.main === module) { play(scenarios); }
