// A real WAMP client, Autobahn|JS, that plays one scenario and prints what it saw.
//
// usage: autobahn_js.js BUNDLE SCENARIO URL REALM SERIALIZER
//
// Every observation is one JSON line, {"name": ..., "value": ...}. This file judges nothing; the
// test that starts it does. NODE_PATH must lead to the "ws" module.
"use strict";

// The bundle is made for browsers: give it their WebSocket, and let it not take Node for Node.
global.WebSocket = require("ws");
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

// Joins the realm: {session, details, gone, close()}, where `gone` and close() resolve to the
// reason once the connection is gone.
function join(options = {}) {
    return new Promise((resolve, reject) => {
        const connection = new autobahn.Connection({
            url, realm, serializers: [new serializers[serializerName]()], max_retries: 0,
            ...options,
        });
        let closed;
        const gone = new Promise((done) => { closed = done; });
        connection.onopen = (session, details) => resolve({
            session, details, gone,
            close() { connection.close(); return gone; },
        });
        connection.onclose = (reason, details) => {
            const refusal = new Error(`${reason}: ${JSON.stringify(details)}`);
            refusal.error = details.reason;
            reject(refusal);
            closed(details.reason);
            return true;
        };
        connection.open();
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

    // Calls: patterns, the caller's identity, time limits, concurrency.
    async calls() {
        const [callee, caller] = await joinMany(2);
        for (const [uri, match] of [
            ["com.example.area", "prefix"], ["com..area.item", "wildcard"],
            ["com.example.area.item", "exact"],
        ]) {
            await callee.session.register(
                uri, (args, kwargs, details) => [match, details.procedure], { match });
        }
        for (const uri of ["com.example.area.item", "com.example.area.x", "com.b.area.item"]) {
            observe(`pattern ${uri}`, await caller.session.call(uri));
        }
        observe("pattern none", await outcome(caller.session.call("com.b.area.x")));
        await callee.session.register("com.example.who", (args, kwargs, details) =>
            details.caller === undefined ? "nobody" : details.caller === caller.session.id);
        observe("caller unless asked", await caller.session.call("com.example.who"));
        observe("caller when asked", await caller.session.call(
            "com.example.who", [], {}, { disclose_me: true }));
        const held = [];
        await callee.session.register("com.example.slow", () =>
            new Promise((resolve) => { held.push(resolve); }), { concurrency: 1 });
        const late = caller.session.call("com.example.slow", [], {}, { timeout: 200 });
        observe("beyond the limit", await outcome(caller.session.call("com.example.slow")));
        observe("late", await outcome(late));
        held.forEach((release) => release(0));
        const progressed = [];
        const ahead = await caller.session.call(
            "com.example.count", [4], {}, { receive_progress: true }
        ).then((value) => value, undefined, (value) => { progressed.push(value); });
        observe("progressive results", progressed);
        observe("final result", ahead);
        await closeAll([callee, caller]);
    },

    // Events: patterns, conditions, identity, what is kept of them, testaments.
    async events() {
        const [publisher, subscriber, other] = await joinMany(3);
        const published = (topic, args, options) => publisher.session.publish(
            topic, args, {}, { acknowledge: true, ...options });
        // The answer to a call comes after every event that was sent before it.
        const settle = () => Promise.all(
            [subscriber, other].map((one) => outcome(one.session.call("com.example.nobody"))));
        const received = [];
        for (const [uri, match] of [
            ["com.example.news", "prefix"], ["com..news.sport", "wildcard"],
        ]) {
            await subscriber.session.subscribe(uri, (args, kwargs, event) => {
                received.push([match, args[0], event.topic]);
            }, { match });
        }
        await published("com.example.news.sport", [0]);
        await published("com.example.newsletter", [1]);
        await published("com.other.news.sport", [2]);
        await settle();
        observe("events by patterns", received.sort());

        const chosen = [];
        for (const [name, one] of [["subscriber", subscriber], ["other", other]]) {
            await one.session.subscribe("com.example.chosen", (args, kwargs, event) => {
                chosen.push([name, args[0], event.publisher === publisher.session.id]);
            });
        }
        const number = subscriber.session.id;
        const name = subscriber.details.authid;
        await published("com.example.chosen", ["exclude"], { exclude: [number] });
        await published("com.example.chosen", ["eligible"], { eligible: [number] });
        await published("com.example.chosen", ["exclude_authid"], { exclude_authid: [name] });
        await published("com.example.chosen", ["eligible_authid"],
            { eligible_authid: [name], disclose_me: true });
        await published("com.example.chosen", ["nobody"], { exclude_authrole: ["anonymous"] });
        await settle();
        observe("chosen", chosen.sort());

        const state = [];
        await published("com.example.state", [1], { retain: true });
        await published("com.example.state", [2], { retain: true });
        await subscriber.session.subscribe("com.example.state", (args, kwargs, event) => {
            state.push([args[0], event.retained === true]);
        }, { get_retained: true });
        await settle();
        await published("com.example.state", [3]);
        await settle();
        observe("retained, then live", state);

        for (let i = 0; i < 3; i += 1) { await published("com.example.logged", [i]); }
        const logged = await subscriber.session.subscribe("com.example.logged", () => {});
        const history = await subscriber.session.call(
            "wamp.subscription.get_events", [logged.id], { limit: 2, reverse: true });
        observe("history", history.args.map((event) => event.args[0]));

        const wills = [];
        await subscriber.session.subscribe("com.example.gone", (args, kwargs) => {
            wills.push([args, kwargs]);
        });
        await other.session.call(
            "wamp.session.add_testament", ["com.example.gone", ["bye"], { last: "will" }]);
        await other.close();
        await outcome(subscriber.session.call("com.example.nobody"));
        observe("testaments", wills);
        await closeAll([publisher, subscriber]);
    },

    // The meta API.
    async meta() {
        const [watcher] = await joinMany(1);
        const seen = [];
        for (const kind of ["session.on_join", "session.on_leave", "registration.on_create",
            "registration.on_register", "registration.on_unregister", "registration.on_delete"]) {
            await watcher.session.subscribe(`wamp.${kind}`, (args) => {
                seen.push([kind, kind === "session.on_join" ? args[0].session : args[0]]);
            });
        }
        const ask = (procedure, args) => watcher.session.call(procedure, args);
        const [member] = await joinMany(1);
        const number = member.session.id;
        const registration = await member.session.register("com.example.proc", () => 0);
        observe("session count", await ask("wamp.session.count"));
        observe("session listed", (await ask("wamp.session.list")).includes(number));
        const details = await ask("wamp.session.get", [number]);
        observe("session details", [details.session === number, details.authrole]);
        observe("registration lookup",
            await ask("wamp.registration.lookup", ["com.example.proc"]) === registration.id);
        observe("callees", await ask("wamp.registration.count_callees", [registration.id]));
        observe("no such registration", await outcome(ask("wamp.registration.get", [1])));
        await watcher.session.call("wamp.session.kill", [number], { reason: "com.example.enough" });
        observe("kill reason", await member.gone);
        await outcome(ask("com.example.nobody"));
        observe("story", seen.filter(([, id]) => id === number).map(([kind]) => kind));
        await watcher.close();
    },

    // Each method of authentication, what is refused, and what is denied.
    async auth() {
        const hex = (text) => Uint8Array.from(Buffer.from(text, "hex"));
        const key = (text) => autobahn.nacl.sign.keyPair.fromSeed(hex(text));
        const methods = {
            ticket: (authid, ticket) => ({ authid, onchallenge: () => ticket }),
            wampcra: (authid, secret) => ({
                authid,
                onchallenge: (session, method, extra) => autobahn.auth_cra.sign(
                    extra.salt === undefined ? secret : autobahn.auth_cra.derive_key(
                        secret, extra.salt, extra.iterations, extra.keylen), extra.challenge),
            }),
            cryptosign: (authid, seed) => ({
                authid, authextra: { pubkey: autobahn.auth_cryptosign.public_key(key(seed)) },
                onchallenge: (session, method, extra) =>
                    autobahn.auth_cryptosign.sign_challenge(key(seed), extra),
            }),
        };
        const enter = (method, authid, secret) =>
            join({ authmethods: [method], ...methods[method](authid, secret) });
        const seed = "4d57d97a68f555696620a6d849c0ce582568518d729eb753dc7c732de2804510";
        for (const [method, authid, secret] of [
            ["ticket", "tina", "tina's ticket"], ["wampcra", "carl", "carl's secret"],
            ["wampcra", "sally", "secret"], ["cryptosign", "chris", seed],
        ]) {
            const one = await enter(method, authid, secret);
            observe(`joined ${authid}`,
                [one.details.authid, one.details.authrole, one.details.authmethod]);
            await one.close();
        }
        for (const [method, authid, secret] of [
            ["ticket", "tina", "wrong"], ["wampcra", "carl", "wrong"],
            ["wampcra", "sally", "wrong"], ["cryptosign", "chris", "11".repeat(32)],
            ["wampcra", "nobody", "wrong"],
        ]) {
            observe(`refused ${authid}`, await outcome(enter(method, authid, secret)));
        }
        const guest = await enter("wampcra", "carl", "carl's secret");
        const uri = "com.example.closed.proc";
        observe("denied", [
            await outcome(guest.session.call(uri)),
            await outcome(guest.session.register(uri, () => 0)),
            await outcome(guest.session.subscribe(uri, () => 0)),
            await outcome(guest.session.publish(uri, [], {}, { acknowledge: true })),
        ]);
        observe("allowed", await outcome(
            guest.session.subscribe("com.example.open.topic", () => 0)));
        await guest.close();
    },
};

scenarios[scenario]().then(
    () => { observe("end", true); process.exit(0); },
    (error) => { console.error(error); process.exit(1); });
