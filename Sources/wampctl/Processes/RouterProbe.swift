import WAMP
enum RouterProbe { static func answers(at address: String) async -> Bool { false } }
