// Chance as an argument: the shell gives the seed, and the same seed gives the same run.

package import WAMP

/// Good enough to choose callees and ids with. Secrets are not chance; they never come from here.
package struct SeededRandom: RandomNumberGenerator, Sendable {
    private var generator: SplitMix64

    package init(seed: UInt64) { generator = SplitMix64(seed: seed) }

    package mutating func next() -> UInt64 { generator.next() }

    /// A uniform index below `count`, which must be positive.
    package mutating func index(below count: Int) -> Int { Int.random(in: 0..<count, using: &self) }

    /// An id of the global scope: uniform over 1 … 2^53.
    package mutating func id<ID: WAMPIdentifier>() -> ID { ID((next() >> 11) + 1) }

    /// A name for a session that brought none: 24 characters, some 120 bits.
    package mutating func name() -> String {
        let alphabet = Array("ABCDEFGHJKLMNPQRSTUVWXYZabcdefgh")
        return String((0..<24).map { _ in alphabet[Int(next() >> 59)] })
    }
}
