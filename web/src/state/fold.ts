/** Text as a reader types it: small letters without accents, so that `ha noi` finds Hà Nội and `saint felix` Saint-Félix. */

const LETTERS: Record<string, string> = { đ: "d", ð: "d", ø: "o", œ: "oe", æ: "ae", ß: "ss", ł: "l", ı: "i" };

export function fold(text: string): string {
  return text
    .toLowerCase()
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .replace(/[đðøœæßłı]/g, (letter) => LETTERS[letter])
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
}
