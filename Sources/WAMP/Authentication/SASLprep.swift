// The form of a password that both sides compute with: RFC 4013.
//
// Done here: what is mapped to a space or to nothing, and what is prohibited. Not done: the
// normalization NFKC, so that a password outside ASCII must be typed in the same composition on
// both sides; the rules for mixed directions; unassigned code points are let through. ASCII
// passwords come out exactly as RFC 4013 says.

package enum SASLprep {
    /// The prepared password; nil if it has a character that none may have.
    package static func prepared(_ password: String) -> String? {
        if password.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) { return password }
        var prepared = String.UnicodeScalarView()
        for scalar in password.unicodeScalars {
            if isMappedToNothing(scalar) { continue }
            if isOtherSpace(scalar) {
                prepared.append(" ")
                continue
            }
            if isProhibited(scalar) { return nil }
            prepared.append(scalar)
        }
        return String(prepared)
    }

    /// RFC 3454, table B.1.
    private static func isMappedToNothing(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x00AD, 0x034F, 0x1806, 0x180B...0x180D, 0x200B...0x200D, 0x2060, 0xFE00...0xFE0F,
            0xFEFF:
            true
        default: false
        }
    }

    /// RFC 3454, table C.1.2, less what is mapped to nothing.
    private static func isOtherSpace(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x00A0, 0x1680, 0x2000...0x200A, 0x202F, 0x205F, 0x3000: true
        default: false
        }
    }

    /// RFC 3454, tables C.2.1, C.2.2 and C.3 to C.9. Surrogates (C.5) cannot occur.
    private static func isProhibited(_ scalar: Unicode.Scalar) -> Bool {
        // The last two code points of every plane stand for no character.
        if scalar.value & 0xFFFE == 0xFFFE { return true }
        return switch scalar.value {
        case 0x00...0x1F, 0x7F...0x9F, 0x06DD, 0x070F, 0x180E, 0x200E...0x200F, 0x2028...0x202E,
            0x2061...0x2063, 0x206A...0x206F, 0x0340...0x0341, 0xFFF9...0xFFFD, 0x1D173...0x1D17A,
            0x2FF0...0x2FFB, 0xE000...0xF8FF, 0xFDD0...0xFDEF, 0xE0001, 0xE0020...0xE007F,
            0xF0000...0xFFFFD, 0x100000...0x10FFFD:
            true
        default: false
        }
    }
}
