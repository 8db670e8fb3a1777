// `meta`: how questions are written, how lists are printed, and both against a router.

import Glibc
import Testing
import WAMP

@testable import wampctl

@Suite struct MetaQueryTests {
    private func query(
        _ words: String, target: MetaQuery.MetaTarget? = nil
    ) -> Swift.Result<MetaQuery, NotationError> {
        do throws(NotationError) {
            return .success(
                try MetaQuery(words.split(separator: " ").map(String.init), target: target))
        } catch {
            return .failure(error)
        }
    }

    @Test(
        "Each question is read",
        arguments: [
            ("session list", MetaQuery.list(.session)), ("session count", .countSessions),
            ("session get 5", .get(.session, id: 5)), ("session kill 5", .kill(.session(5))),
            ("registration lookup a.b", .lookup(.registration, uri: "a.b")),
            ("subscription match a.b", .match(.subscription, uri: "a.b")),
            ("registration callees a.b", .members(.registration, name: "a.b")),
            ("subscription subscribers 7", .members(.subscription, name: "7")),
            ("registration remove a.b 9", .removeCallee(name: "a.b", session: 9)),
            ("subscription events a.b", .events(name: "a.b")), ("watch", .watch(nil)),
            ("watch session", .watch(.session)),
        ])
    func questions(words: String, expected: MetaQuery) {
        #expect(query(words) == .success(expected))
    }

    @Test(
        "What cannot be meant is refused, with the nearest word",
        arguments: [
            ("sesion list", "did you mean 'session'"), ("session lst", "did you mean 'list'"),
            ("session get", "get needs ID"), ("session list 5", "unexpected argument '5'"),
            ("session get x", "an ID is a whole number"), ("session subscribers 5", "not known"),
            ("watch realm", "not known"), ("registration", "what about registration"),
        ])
    func refusals(words: String, sentence: String) {
        guard case .failure(let error) = query(words) else {
            Issue.record("'\(words)' was taken")
            return
        }
        #expect(error.description.contains(sentence), "\(error)")
    }

    @Test("A target of kill is either an ID or an option")
    func targets() {
        #expect(query("session kill", target: .all) == .success(.kill(.all)))
        guard case .failure = query("session kill 5", target: .all),
            case .failure = query("session list", target: .all)
        else {
            Issue.record("a target too many was taken")
            return
        }
    }

    @Test("A table is aligned under its header; rows for scripts have tabs and no header")
    func listing() {
        let listing = MetaListing(
            kind: "session", columns: ["session", "authid"],
            rows: [["session": 12345678, "authid": "joe\tevil"], ["session": 1, "authid": .null]])
        #expect(listing.text(as: .table) == "SESSION   AUTHID\n12345678  joe evil\n1         -")
        #expect(listing.text(as: .tsv) == "12345678\tjoe evil\n1\t-")
        #expect(
            listing.text(as: .json)
                == #"[{"session":12345678,"authid":"joe\tevil"},{"session":1,"authid":null}]"#)
    }
}

@Suite(.serialized, .timeLimit(.minutes(10))) struct MetaCommandTests {
    @Test("Registrations and their callees are listed by name, as rows and as JSON")
    func registrations() async throws {
        let router = try await TestRouter()
        let callees = try await router.register(
            "t.x", "--invoke", "random", "--instances", "2", "--name", "w")
        let rows = try await router.run("meta", "registration", "list")
        expectCode(0, of: rows)
        let cells = rows.lines[0].split(separator: "\t")
        #expect(cells.count == 6)
        #expect(cells[1...4] == ["t.x", "exact", "random", "2"])
        let list = try await router.run("meta", "registration", "callees", "t.x", "-o", "json")
        let names = try JSONText.parse(list.output).list?.map { $0.dictionary?["authid"] }
        #expect(names == ["w-1", "w-2"])
        let none = try await router.run("meta", "registration", "list", "--uri", "u.")
        expectCode(0, of: none)
        #expect(none.output.isEmpty, "\(none)")
        callees.signal(SIGTERM)
        _ = try await callees.ended()
    }

    @Test("Sessions are counted, listed with a header in a table, and looked at one by one")
    func sessions() async throws {
        let router = try await TestRouter()
        #expect(try await router.run("meta", "session", "count").output == "1\n")
        let table = try await router.run("meta", "session", "list", "-o", "table")
        #expect(table.lines.count == 2)
        #expect(table.lines[0].hasPrefix("SESSION  "))
        let missing = try await router.run("meta", "session", "get", "1")
        expectCode(6, of: missing)
        #expect(missing.talk.contains("1: no such session"))
        expectCode(6, of: try await router.run("meta", "registration", "lookup", "t.nobody"))
    }

    @Test("What does harm needs --yes where nobody can be asked")
    func confirmation() async throws {
        let router = try await TestRouter()
        let outcome = try await router.run("meta", "session", "kill", "--all")
        expectCode(2, of: outcome)
        #expect(outcome.talk.contains("kill all other sessions needs --yes"))
    }

    @Test("A watcher sees who joins")
    func watch() async throws {
        let router = try await TestRouter()
        let watcher = try Program(
            ["meta", "watch", "session", "-o", "jsonl"], environment: router.environment)
        try await watcher.said("watching sessions")
        expectCode(0, of: try await router.run("meta", "session", "count"))
        watcher.signal(SIGINT)
        let outcome = try await watcher.ended()
        expectCode(0, of: outcome)
        let topics = try outcome.lines.map { try JSONText.parse($0).dictionary?["topic"] }
        #expect(topics == ["wamp.session.on_join", "wamp.session.on_leave"])
    }
}
