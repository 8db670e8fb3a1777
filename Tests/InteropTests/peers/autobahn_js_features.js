// A real WAMP client, Autobahn|JS, that uses the Advanced Profile of a router.
//
// usage: autobahn_js_features.js BUNDLE SCENARIO URL REALM SERIALIZER
//
// It prints what autobahn_features.py prints, under the same names, where this client has the
// feature. It can neither cancel a call nor be interrupted, and so gives no results ahead either.
"use strict";

const { autobahn, join, joinMany, closeAll, observe, outcome, play } =
    require("./autobahn_js.js");

// The answer to a call comes after every event that was sent before it.
const settle = (...all) =>
    Promise.all(all.map((one) => outcome(one.session.call("com.example.nobody"))));

// Something to wait for: {promise, resolve}.
function pending() {
    const it = {};
    it.promise = new Promise((resolve) => { it.resolve = resolve; });
    return it;
}

// Results ahead of the last, from the callee that autobahn_features.py serves.
async function progress(callee, caller) {
    const results = [];
    const final = await caller.session.call(
        "com.example.count", [5], {}, { receive_progress: true }
    ).then((value) => value, undefined, (value) => { results.push(value); });
    observe("progressive results", results);
    observe("final result", final);

    await callee.session.register(
        "com.example.plain", (args, kwargs, details) => details.progress !== null);
    observe("progress for a callee that takes no INTERRUPT", await caller.session.call(
        "com.example.plain", [], {}, { receive_progress: true }));
}

async function limitsInTime(callee, caller) {
    const held = pending();
    await callee.session.register("com.example.late", () => held.promise);
    const call = caller.session.call("com.example.late", [], {}, { timeout: 200 });
    observe("outcome late", await outcome(call));
    // The result that comes now is nobody's.
    held.resolve(0);
}

// The registrations and calls of the specification's table of precedence.
async function patterns(callee, caller) {
    for (const [uri, match] of [
        ["a1.b2.c3.d4.e55", "exact"], ["a1.b2.c3", "prefix"], ["a1.b2.c3.d4", "prefix"],
        ["a1.b2..d4.e5", "wildcard"], ["a1.b2.c33..e5", "wildcard"],
        ["a1.b2..d4.e5..g7", "wildcard"], ["a1.b2..d4..f6.g7", "wildcard"],
    ]) {
        await callee.session.register(
            uri, (args, kwargs, details) => [uri, details.procedure], { match });
    }
    for (const uri of [
        "a1.b2.c3.d98.e74", "a1.b2.c3.d4.e325", "a1.b2.c55.d4.e5",
        "a1.b2.c33.d4.e5", "a1.b2.c88.d4.e5.f6.g7",
    ]) {
        observe(`pattern ${uri}`, await caller.session.call(uri));
    }
    observe("pattern exact", (await caller.session.call("a1.b2.c3.d4.e55"))[0]);
    observe("pattern none", await outcome(caller.session.call("a2.b2.c2.d2.e2")));
}

async function disclosure(callee, caller) {
    await callee.session.register("com.example.who", (args, kwargs, details) =>
        [details.caller, details.caller_authid, details.caller_authrole]);
    observe("caller unless asked",
        (await caller.session.call("com.example.who")).every((item) => item == null));
    const seen = await caller.session.call("com.example.who", [], {}, { disclose_me: true });
    const { authid, authrole } = caller.details;
    observe("caller is disclosed",
        JSON.stringify(seen) === JSON.stringify([caller.session.id, authid, authrole]));
}

// Callees that take two calls each at a time, and one that is pushed aside.
async function limits(caller) {
    const held = pending();
    const callees = await joinMany(2);
    const running = [];
    for (const [index, callee] of callees.entries()) {
        await callee.session.register("com.example.limited", () => {
            running.push(index);
            return held.promise;
        }, { invoke: "roundrobin", concurrency: 2 });
    }
    const done = [];
    const calls = [];
    for (let i = 0; i < 5; i += 1) {
        calls.push(outcome(caller.session.call("com.example.limited")).then((end) => {
            done.push(end);
            return end;
        }));
    }
    await Promise.race(calls);
    await settle(caller, ...callees);
    observe("beyond the limit", done);
    observe("running", running.sort());
    held.resolve(0);
    observe("after all", (await Promise.all(calls)).sort());
    observe("slots come back", await outcome(caller.session.call("com.example.limited")));
    await closeAll(callees);

    const [old, young] = await joinMany(2);
    await old.session.register("com.example.taken", () => "old");
    await young.session.register("com.example.taken", () => "new", { force_reregister: true });
    observe("taken over", await caller.session.call("com.example.taken"));
    await closeAll([old, young]);
}

async function eventPatterns(published, subscriber) {
    const received = [];
    for (const [uri, match] of [
        ["com.example.news", "prefix"], ["com..news.sport", "wildcard"],
        ["com.example.news.sport", "exact"],
    ]) {
        await subscriber.session.subscribe(uri, (args, kwargs, event) => {
            received.push([match, args[0], event.topic]);
        }, { match });
    }
    for (const [number, topic] of [
        "com.example.news.sport", "com.example.newsletter", "com.other.news.sport", "com.other",
    ].entries()) {
        await published(topic, [number]);
    }
    await settle(subscriber);
    observe("events by patterns", received.sort());
}

// Who of three receives, under each of the six conditions.
async function lists(published) {
    const all = await joinMany(3);
    const received = [];
    for (const [index, one] of all.entries()) {
        await one.session.subscribe("com.example.chosen", () => { received.push(index); });
    }
    const number = all[0].session.id;
    const name = all[0].details.authid;
    for (const [what, options] of [
        ["exclude", { exclude: [number] }],
        ["exclude_authid", { exclude_authid: [name] }],
        ["exclude_authrole", { exclude_authrole: ["anonymous"] }],
        ["eligible", { eligible: [number] }],
        ["eligible_authid", { eligible_authid: [name] }],
        ["eligible_authrole", { eligible_authrole: ["anonymous"] }],
        ["both", { eligible_authrole: ["anonymous"], exclude: [number] }],
    ]) {
        received.length = 0;
        await published("com.example.chosen", [], {}, options);
        await settle(...all);
        observe(`receivers ${what}`, received.sort());
    }
    await closeAll(all);
}

async function identity(published, publisher, subscriber) {
    const seen = [];
    const told = await subscriber.session.subscribe("com.example.who", (args, kwargs, event) => {
        seen.push([event.publisher === publisher.session.id,
            event.publisher_authid === publisher.details.authid]);
    });
    await published("com.example.who", []);
    await published("com.example.who", [], {}, { disclose_me: true });
    await told.unsubscribe();
    await published("com.example.who", []);
    await settle(subscriber);
    observe("publisher, unless asked and when asked", seen);
}

async function retained(published, publisher, subscriber) {
    const received = [];
    const known = { disclose_me: true };
    for (const number of [1, 2]) {
        await published("com.example.state", [number], {}, { retain: true, ...known });
    }
    await subscriber.session.subscribe("com.example.state", (args, kwargs, event) => {
        received.push([args[0], event.retained, event.publisher === publisher.session.id]);
    }, { get_retained: true });
    await settle(subscriber);
    await published("com.example.state", [3], {}, known);
    await settle(subscriber);
    observe("retained, then live", received);
}

async function history(published, subscriber) {
    const publications = [];
    for (let number = 0; number < 5; number += 1) {
        publications.push(await published("com.example.logged", [number], { unit: "m" }));
    }
    const subscription = await subscriber.session.subscribe("com.example.logged", () => {});
    const events = async (filters) => {
        const result = await subscriber.session.call(
            "wamp.subscription.get_events", [subscription.id], filters);
        return result.args.map((event) => [event.args[0], event.kwargs.unit]);
    };
    observe("history", await events({}));
    observe("history, limit", await events({ limit: 2 }));
    observe("history, reverse and limit", await events({ limit: 2, reverse: true }));
    observe("history, from and before", await events({
        from_publication: publications[1].id, before_publication: publications[3].id }));
}

async function testaments(subscriber) {
    const received = [];
    for (const topic of ["com.example.gone", "com.example.flushed"]) {
        await subscriber.session.subscribe(topic, (args, kwargs) => {
            received.push([...args, kwargs]);
        });
    }
    for (const how of ["clean", "broken"]) {
        const one = await join();
        const add = (testament, options) =>
            one.session.call("wamp.session.add_testament", testament, options);
        await add(["com.example.flushed", ["x"], {}]);
        await one.session.call("wamp.session.flush_testaments");
        await add(["com.example.gone", ["for others"], {}],
            { publish_options: { exclude: [subscriber.session.id] } });
        await add(["com.example.gone", [how], { last: "will" }]);
        const left = pending();
        const number = one.session.id;
        const watching = await subscriber.session.subscribe("wamp.session.on_leave", (args) => {
            if (args[0] === number) { left.resolve(); }
        });
        await (how === "clean" ? one.close() : one.breakConnection());
        // A session's testaments come before the word that it left.
        await left.promise;
        await watching.unsubscribe();
    }
    observe("testaments", received);
}

const scenarios = {
    async calls() {
        const [callee, caller] = await joinMany(2);
        await progress(callee, caller);
        await limitsInTime(callee, caller);
        await patterns(callee, caller);
        await disclosure(callee, caller);
        await limits(caller);
        await closeAll([callee, caller]);
    },

    async events() {
        const [publisher, subscriber] = await joinMany(2);
        const published = (topic, args, kwargs, options) => publisher.session.publish(
            topic, args, kwargs, { acknowledge: true, ...options });
        await eventPatterns(published, subscriber);
        await lists(published);
        await identity(published, publisher, subscriber);
        await retained(published, publisher, subscriber);
        await history(published, subscriber);
        await testaments(subscriber);
        await closeAll([publisher, subscriber]);
    },

    async meta() {
        const watcher = await join();
        const seen = [];
        for (const kind of ["session.on_join", "session.on_leave",
            ...["create", "register", "unregister", "delete"].map((w) => `registration.on_${w}`),
            ...["create", "subscribe", "unsubscribe", "delete"].map((w) => `subscription.on_${w}`),
        ]) {
            await watcher.session.subscribe(`wamp.${kind}`, (args) => { seen.push([kind, args]); });
        }
        const ask = (procedure, ...args) => watcher.session.call(procedure, args);

        const member = await join();
        const me = member.session.id;
        const registration = await member.session.register(
            "com.example.proc", () => 0, { invoke: "roundrobin" });
        const subscription = await member.session.subscribe("com.example.topic", () => 0);
        await settle(watcher);

        observe("session count", await ask("wamp.session.count"));
        observe("session count of others", await ask("wamp.session.count", ["nobody"]));
        observe("session listed", (await ask("wamp.session.list")).includes(me));
        const details = await ask("wamp.session.get", me);
        observe("session details",
            [details.session === me, details.authrole, details.authmethod]);
        observe("no such session", await outcome(ask("wamp.session.get", 1)));
        observe("wrong argument", await outcome(ask("wamp.session.get", "x")));

        for (const [kind, { id }, uri, members] of [
            ["registration", registration, "com.example.proc", "callees"],
            ["subscription", subscription, "com.example.topic", "subscribers"],
        ]) {
            const listed = await ask(`wamp.${kind}.list`);
            observe(`${kind} listed`, [listed.exact.includes(id), Object.keys(listed).sort()]);
            observe(`${kind} lookup`, await ask(`wamp.${kind}.lookup`, uri) === id);
            observe(`${kind} lookup of another match`,
                await ask(`wamp.${kind}.lookup`, uri, { match: "prefix" }));
            const matched = await ask(`wamp.${kind}.match`, uri);
            observe(`${kind} match`, kind === "registration"
                ? matched === id : matched.length === 1 && matched[0] === id);
            const got = await ask(`wamp.${kind}.get`, id);
            observe(`${kind} get`, [got.id === id, got.uri, got.match, got.invoke,
                got.created.length, got.created.slice(-1)]);
            const all = await ask(`wamp.${kind}.list_${members}`, id);
            observe(`${kind} members`, all.length === 1 && all[0] === me);
            observe(`${kind} member count`, await ask(`wamp.${kind}.count_${members}`, id));
            observe(`no such ${kind}`, await outcome(ask(`wamp.${kind}.get`, 1)));
        }
        await registration.unregister();
        await subscription.unsubscribe();
        await member.close();

        const killed = await join();
        await watcher.session.call("wamp.session.kill", [killed.session.id],
            { reason: "com.example.enough", message: "go" });
        observe("kill reason", await killed.gone);
        observe("kill of the own session",
            await outcome(ask("wamp.session.kill", watcher.session.id)));
        const others = await joinMany(2);
        observe("killed by authrole", await ask("wamp.session.kill_by_authrole", "anonymous"));
        observe("kill reason by default", await Promise.all(others.map((other) => other.gone)));
        const other = await join();
        const number = other.session.id;
        const gone = await ask("wamp.session.kill_by_authid", other.details.authid);
        observe("killed by authid", gone.length === 1 && gone[0] === number);
        await other.gone;

        // This client knows what it is to lose a registration or a subscription.
        const loser = await join();
        const lost = await loser.session.register("com.example.lost", () => 0);
        await watcher.session.call("wamp.registration.remove_callee",
            [lost.id, loser.session.id], { reason: "com.example.enough" });
        observe("revoked registration", await lost.on_unregister);
        const deaf = await loser.session.subscribe("com.example.lost", () => 0);
        await watcher.session.call("wamp.subscription.remove_subscriber",
            [deaf.id, loser.session.id], { reason: "com.example.enough" });
        observe("revoked subscription", await deaf.on_unsubscribe);
        await loser.close();
        await settle(watcher);

        // What the first member did, as it was told of.
        const story = seen.filter(([, [first]]) => (first.session ?? first) === me);
        observe("story", story.map(([kind, args]) =>
            kind.endsWith("on_create") ? `${kind} ${args[1].uri}` : kind));
        observe("arguments of on_leave", JSON.stringify(story.at(-1)[1])
            === JSON.stringify([me, member.details.authid, member.details.authrole]));
        await watcher.close();
    },

    // Each method of authentication, what is refused, and what is denied.
    async auth() {
        const hex = (text) => Uint8Array.from(Buffer.from(text, "hex"));
        const key = (text) => autobahn.nacl.sign.keyPair.fromSeed(hex(text));
        const methods = {
            ticket: (ticket) => ({ onchallenge: () => ticket }),
            wampcra: (secret) => ({
                onchallenge: (session, method, extra) => autobahn.auth_cra.sign(
                    extra.salt === undefined ? secret : autobahn.auth_cra.derive_key(
                        secret, extra.salt, extra.iterations, extra.keylen), extra.challenge),
            }),
            cryptosign: (seed) => ({
                authextra: { pubkey: autobahn.auth_cryptosign.public_key(key(seed)) },
                onchallenge: (session, method, extra) =>
                    autobahn.auth_cryptosign.sign_challenge(key(seed), extra),
            }),
        };
        const enter = (method, secret, authid) =>
            join({ authmethods: [method], authid, ...methods[method](secret) });
        const seed = "4d57d97a68f555696620a6d849c0ce582568518d729eb753dc7c732de2804510";
        for (const [name, ...credentials] of [
            ["ticket", "ticket", "tina's ticket", "tina"],
            ["wampcra", "wampcra", "carl's secret", "carl"],
            ["wampcra salted", "wampcra", "secret", "sally"],
            ["cryptosign", "cryptosign", seed, "chris"],
            ["cryptosign without a name", "cryptosign", seed],
        ]) {
            const one = await enter(...credentials);
            const { authid, authrole, authmethod } = one.details;
            observe(`joined ${name}`, [authid, authrole, authmethod]);
            await one.close();
        }
        const otherSeed = "11".repeat(32);
        for (const [name, ...credentials] of [
            ["wrong ticket", "ticket", "wrong", "tina"],
            ["wrong secret", "wampcra", "wrong", "carl"],
            ["wrong salted secret", "wampcra", "wrong", "sally"],
            ["wrong key", "cryptosign", otherSeed, "chris"],
            ["unknown user, ticket", "ticket", "wrong", "nobody"],
            ["unknown user, wampcra", "wampcra", "wrong", "nobody"],
            ["unknown key", "cryptosign", otherSeed],
        ]) {
            observe(`refused ${name}`, await outcome(enter(...credentials)));
        }
        observe("refused anonymous", await outcome(join()));

        const master = await enter("ticket", "tina's ticket", "tina");
        const guest = await enter("wampcra", "carl's secret", "carl");
        await master.session.register("com.example.open.proc", () => "open");
        await master.session.register("com.example.closed.proc", () => "closed");
        observe("allowed call", await guest.session.call("com.example.open.proc"));
        observe("allowed subscription",
            await outcome(guest.session.subscribe("com.example.open.topic", () => 0)));
        for (const [action, request] of Object.entries({
            call: (uri) => guest.session.call(uri),
            register: (uri) => guest.session.register(uri, () => 0),
            subscribe: (uri) => guest.session.subscribe(uri, () => 0),
            publish: (uri) => guest.session.publish(uri, [], {}, { acknowledge: true }),
        })) {
            observe(`denied ${action}`, [
                await outcome(request("com.example.closed.proc")),
                await outcome(request("com.example.closed.not.there")),
            ]);
        }
        observe("denied meta",
            await outcome(guest.session.call("wamp.session.kill", [master.session.id])));
        await closeAll([master, guest]);
    },
};

play(scenarios);
