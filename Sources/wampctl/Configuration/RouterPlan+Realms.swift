// The realms of `router.yaml`: their settings, roles and rules.

import WAMP
import WAMPRouter
import WAMPServer

extension RouterPlan {
    mutating func readRealms(_ value: FileValue?) {
        var places: [Name: Int] = [:]
        for entry in value?.list() ?? [] {
            guard let section = entry.section() else { continue }
            var realm = RealmConfiguration(name: "")
            if let name = section.required("name"), let uri = name.uri() {
                realm.name = uri.description
                if let line = places[Name(realm.name)] {
                    name.fail("the realm '\(uri)' is there already, in line \(line)")
                }
                places[Name(realm.name)] = name.line
            }
            readSettings(section, into: &realm.settings)
            let roles = readRoles(
                section["roles"], areFinal: section["authorizer"] == nil)
            realm.settings.permissions.roles = roles
            readUsers(section["users"], roles: roles, into: &realm)
            readAnonymous(section, roles: roles, into: &realm.principals)
            if roles == nil, realm.settings.authorizer != nil {
                section["authorizer"]?.fail(
                    "'authorizer' is never asked, since everybody may do everything: add 'roles', "
                        + "such as roles: [ { name: anonymous } ]")
            }
            if let uri = section["authenticator"]?.procedure() {
                realm.principals.authenticator = uri.description
                if roles == nil {
                    section["authenticator"]?.warn(
                        "whoever is let in may register '\(uri)': add 'roles' that say who may")
                }
            }
            lookForDoubts(about: realm, in: section)
            section.finish()
            realms.append(realm)
        }
        if let value, value.isEmptyList {
            value.fail("'realms' is empty: name one, such as { name: realm1 }")
        }
    }

    private func readSettings(_ section: FileSection, into settings: inout RealmSettings) {
        // First: what a single key says goes before it.
        if section["compatibility"]?.choice(among: ["standard", "crossbar"]) == "crossbar" {
            settings.followCrossbar()
        }
        set(&settings.disclosesCallee, section["disclose_callee"]?.bool())
        set(&settings.callerDisclosure, section["disclose_caller"]?.choice(of: Disclosure.self))
        set(
            &settings.publisherDisclosure,
            section["disclose_publisher"]?.choice(of: Disclosure.self))
        set(&settings.requestIDs, section["request_ids"]?.choice(of: RequestIDRule.self))
        set(
            &settings.uriRule,
            section["uris"]?.choice(among: ["loose", "strict"]).flatMap(URIRule.init))
        set(
            &settings.requiresAnnouncedFeatures,
            section["feature_check"]?.choice(among: ["lenient", "strict"]).map { $0 == "strict" })
        set(&settings.strictOptionValues, section["strict_option_values"]?.bool())
        set(
            &settings.crossbarPolicyConflictURI,
            section["policy_conflict_uri"]?.choice(among: ["standard", "crossbar"]).map {
                $0 == "crossbar"
            })
        set(
            &settings.crossbarMaxConcurrencyURI,
            section["max_concurrency_uri"]?.choice(among: ["standard", "crossbar"]).map {
                $0 == "crossbar"
            })
        set(&settings.forwardsCustomOptions, section["forward_custom_options"]?.bool())
        set(&settings.sharedRegistration, section["shared_registration"]?.bool())
        set(&settings.shardedRegistration, section["sharded_registration"]?.bool())
        let timeout = section["call_timeout_default"]
        set(&settings.callTimeoutDefault, timeout?.milliseconds())
        set(&settings.callTimeoutMax, section["call_timeout_max"]?.milliseconds())
        if settings.callTimeoutMax > 0, settings.callTimeoutDefault > settings.callTimeoutMax {
            timeout?.fail("'call_timeout_default' must not be longer than 'call_timeout_max'")
        }
        settings.authorizer = section["authorizer"]?.procedure()
        settings.procedures = readProcedures(section["procedures"])
        settings.topics = readTopics(section["topics"])
    }

    private func readProcedures(_ value: FileValue?) -> [ProcedureSettings] {
        var places: [URIPattern: Int] = [:]
        return (value?.list() ?? []).compactMap { entry in
            guard let section = entry.section() else { return nil }
            let pattern = section.pattern(unlike: &places)
            if let pattern {
                section["uri"]?.checkReserved(pattern.uri, "nobody else can register it")
            }
            var queue: CallQueueSettings?
            if let value = section["queue"], let inner = value.section() {
                let limit = inner.required("limit")?.number(in: 1...Int(Int32.max))
                let wait = inner["max_wait"]?.milliseconds()
                inner.finish()
                queue = limit.map { CallQueueSettings(limit: $0, maxWait: wait ?? 0) }
            }
            let trust = section["trustlevel"]?.trustlevel()
            section.finish()
            return pattern.map { ProcedureSettings($0, queue: queue, trustlevel: trust) }
        }
    }

    private func readTopics(_ value: FileValue?) -> [TopicSettings] {
        var places: [URIPattern: Int] = [:]
        return (value?.list() ?? []).compactMap { entry in
            guard let section = entry.section() else { return nil }
            let pattern = section.pattern(unlike: &places)
            let history = section["history"]?.number(in: 0...1_000_000)
            let retains = section["retain"]?.bool()
            let trust = section["trustlevel"]?.trustlevel()
            section.finish()
            return pattern.map {
                TopicSettings(
                    $0, history: history ?? 0, retains: retains ?? false, trustlevel: trust)
            }
        }
    }

    // MARK: Roles

    /// - Parameter areFinal: no authorizer allows more than they do.
    private func readRoles(
        _ value: FileValue?, areFinal: Bool
    ) -> [Name: RolePermissions]? {
        guard let entries = value?.list() else { return nil }
        var roles: [Name: RolePermissions] = [:]
        var places: [Name: Int] = [:]
        for entry in entries {
            guard let section = entry.section() else { continue }
            let name = section.required("name")
            let text = name?.string()
            if let name, let text {
                if let line = places[Name(text)] {
                    name.fail("the role '\(text)' is there already, in line \(line)")
                }
                places[Name(text)] = name.line
            }
            var role = RolePermissions()
            var patterns: [URIPattern: Int] = [:]
            let rules = section["allow"]?.list() ?? []
            for rule in rules {
                if let rule = readRule(rule, unlike: &patterns) { role.rules.append(rule) }
            }
            if areFinal, role.rules.allSatisfy(\.actions.isEmpty) {
                for rule in rules where rule.hasEmptyList(of: "actions") {
                    rule.warn(
                        "the rule allows nothing, and there is none from which it would take: name "
                            + "its actions, such as [call, subscribe]")
                }
            }
            for what in section["meta"]?.list() ?? [] {
                switch what.choice(among: ["read", "kill"]) {
                case "read": role.mayReadMeta = true
                case "kill": role.mayKill = true
                default: break
                }
            }
            set(&role.isTrusted, section["trusted"]?.bool())
            section.finish()
            if let text { roles[Name(text)] = role }
        }
        return roles
    }

    private func readRule(
        _ value: FileValue, unlike places: inout [URIPattern: Int]
    ) -> PermissionRule? {
        guard let section = value.section() else { return nil }
        let pattern = section.pattern(unlike: &places)
        if let pattern {
            section["uri"]?.checkReserved(
                pattern.uri, "no rule can allow it; 'meta: [read]' and 'meta: [kill]' of a role do")
        }
        var actions: Set<Action> = []
        for word in section.required("actions")?.list() ?? [] {
            if let action = word.choice(of: Action.self) { actions.insert(action) }
        }
        let disclosure = section["disclose"]?.section()
        let caller = disclosure?["caller"]?.disclosure()
        let publisher = disclosure?["publisher"]?.disclosure()
        disclosure?.finish()
        let isCacheable = section["cache"]?.bool()
        section.finish()
        return pattern.map {
            PermissionRule(
                $0, actions: actions, callerDisclosure: caller, publisherDisclosure: publisher,
                isCacheable: isCacheable ?? false)
        }
    }

    // MARK: Sessions without credentials

    private func readAnonymous(
        _ section: FileSection, roles: [Name: RolePermissions]?,
        into principals: inout Principals
    ) {
        guard let value = section["anonymous"] else {
            // Roles say who may do what: nobody has one that is not among them.
            if let roles, roles["anonymous"] == nil { principals.anonymousRole = nil }
            if roles == nil, !principals.users.isEmpty {
                section.value.warn(
                    "sessions without credentials are let in beside the users, and may do "
                        + "everything; say 'anonymous: false', or configure 'roles'")
            }
            return
        }
        if value.isSwitch {
            if value.bool() == false { principals.anonymousRole = nil }
        } else if let inner = value.section() {
            if let role = inner.required("role") {
                set(&principals.anonymousRole, role.string())
                role.check(isRole: principals.anonymousRole, of: roles)
            }
            inner.finish()
            return
        }
        if principals.anonymousRole != nil { value.check(isRole: "anonymous", of: roles) }
    }
}

extension FileSection {
    /// The pattern of `uri` and `match`, which no other entry of the list may have.
    func pattern(unlike places: inout [URIPattern: Int]) -> URIPattern? {
        let value = required("uri")
        let match = self["match"]?.choice(of: MatchPolicy.self) ?? .exact
        guard let value, let uri = value.uri(as: match) else { return nil }
        value.checkWildcards(of: uri)
        let pattern = URIPattern(uri, match: match)
        if let line = places[pattern] {
            value.fail("'\(uri)' is there already with match: \(match), in line \(line)")
        }
        places[pattern] = value.line
        return pattern
    }
}

extension FileValue {
    func uri(as match: MatchPolicy = .exact) -> URI? {
        guard let text = raw == "" ? "" : string()
        else { return nil }
        let uri = URI(text)
        if uri.isValid(.loose, as: match) { return uri }
        if match == .exact, text.isEmpty || text.hasSuffix("."),
            uri.isValid(.loose, as: .prefix)
        {
            fail("'\(text)' matches what begins with it only with 'match: prefix'")
        } else if match != .wildcard, uri.isValid(.loose, as: .wildcard) {
            fail("'\(text)' has an empty component, which only 'match: wildcard' takes")
        } else {
            fail(
                "'\(text)' is no URI: words with dots between, such as com.example.add, "
                    + "without blanks and '#', at most \(URI.maximumLength) bytes")
        }
        return nil
    }

    /// The procedure that decides for the router.
    func procedure() -> URI? {
        guard let uri = uri() else { return nil }
        if uri.hasPrefix("wamp.") {
            fail("'\(uri)' is the router's own; name a procedure of a program of yours")
            return nil
        }
        return uri
    }

    func milliseconds() -> UInt64? {
        guard let time = duration() else { return nil }
        let milliseconds = time / .milliseconds(1)
        if time != .zero, milliseconds < 1 {
            fail("'\(key)' must be at least 1ms, or 0")
            return nil
        }
        return UInt64(milliseconds)
    }

    /// What a rule says of its own about disclosure: also `true` and `false`.
    fileprivate func disclosure() -> Disclosure? {
        if isSwitch { return bool().map { $0 ? .always : .never } }
        return choice(of: Disclosure.self)
    }

    fileprivate func trustlevel() -> UInt64? {
        number(in: 0...(1 << 53)).map { UInt64($0) }
    }

    /// Reports a role that is not among those of the realm.
    func check(isRole name: String?, of roles: [Name: RolePermissions]?) {
        guard let name, let roles, roles[Name(name)] == nil else { return }
        let names = roles.keys.map(\.description).sorted()
        let near = Similarity.nearest(to: name, among: names).map { "did you mean '\($0)'?" }
        fail(
            "the realm has no role '\(name)'; "
                + (near ?? "add it to 'roles', or use " + names.joined(separator: ", ")))
    }
}
