# Strings, sigils, charlists, regexes, interpolation.
s = "héllo wörld"
[
  String.length(s), byte_size(s), String.upcase(s), String.capitalize(s), String.reverse(s), String.split(s), String.split("a,b,,c", ",", trim: true), String.replace(s, "l", "L"), String.slice(s, 1..3), String.at(s, -1), String.pad_leading("7", 3, "0"), String.trim("  x "), String.contains?(s, ["zz", "wö"]), String.starts_with?(s, "hé"), String.to_integer("42"), String.to_float("1.5"), Integer.parse("12abc"), Float.parse("1.5e2x"), Integer.to_string(255, 16), Float.to_string(0.1), Float.round(3.14159, 2), Integer.digits(1234), Integer.undigits([1, 2]), String.codepoints("é"), String.graphemes("e\u0301x"), String.normalize("e\u0301", :nfc), String.valid?(<<255>>), String.jaro_distance("martha", "marhta"), String.myers_difference("abc", "adc"), String.duplicate("ab", 3), String.next_codepoint("éa"), String.printable?("a\0"), String.chunk("aé1", :valid), String.equivalent?("é", "e\u0301"), String.bag_distance("abc", "abd"),
  ~w(a b c)a, ~s(with "quotes"), ~S(no #{interp}), ~c(chars), 'chars' ++ [?d], "#{1 + 1} #{:atom} #{[?a, ?b]} #{nil}", inspect("a\n\"b\"\t\e"), inspect('a\'b'), inspect(:"odd atom"), inspect(<<0, 255>>), inspect(<<1::3>>), "a" <> "b", <<104, 105>>, ?é, "\u{1F600}", """
  heredoc
    indented
  """,
  Regex.run(~r/(?<y>\d{4})-(\d\d)/, "on 2024-05-06"), Regex.named_captures(~r/(?<y>\d+)/, "a12"), Regex.scan(~r/[aeiou]/u, s), Regex.replace(~r/(l+)/, s, "<\\1>"), Regex.replace(~r/\w/u, "aé", fn x -> String.upcase(x) end), Regex.split(~r/\s*,\s*/, "a , b,c"), "abc" =~ ~r/B/i, Regex.escape("a.b"), String.match?("foo", ~r/^fo+$/), Regex.source(~r/a\/b/), to_string(:x), to_charlist("é"), String.to_atom("abc"), Base.encode16("hi"), Base.decode64!("aGk="), Base.url_encode64(<<255, 254>>), URI.encode("a b/é"), URI.decode_query("a=1&b=%20"), URI.parse("http://a.b:8/c?d#e").port
]
