%% decode_packet/3 of thousands of random packets of every kind, with limits: the sum of all answers of each kind
-module(packets_any).
-export([main/0]).

main() ->
    rand:seed(exsss, {1, 2, 3}),
    Kinds = [0, 1, 2, 4, asn1, sunrm, cdr, fcgi, tpkt, line, http, httph, http_bin, httph_bin, ssl_tls, raw],
    [{K, lists:foldl(fun(_, Sum) -> erlang:phash2([Sum | one(K)]) end, 0, lists:seq(1, 1500))} || K <- Kinds] ++
        [erlang:decode_packet(ssl_tls, <<128, 0, 1, 3, 0, 42>>, []),
         erlang:decode_packet(httph, <<"a---b--c-d: x\r\ny">>, []),
         erlang:decode_packet(http, <<"HTTP/1.99999999999 7\r\n">>, [])].

one(Kind) ->
    Bin = bin(Kind),
    Opts = [{packet_size, pick([0, 1, 4, 5, 6, 10, 20, 40, 100])} || rand:uniform(2) =:= 1] ++
        [{line_length, pick([0, 1, 3, 10, 20, 30, 40])} || rand:uniform(2) =:= 1] ++
        [{line_delimiter, pick([10, $x, 0])} || rand:uniform(10) =:= 1],
    try erlang:decode_packet(Kind, Bin, Opts) catch error:E -> {error, E} end.

pick(L) -> lists:nth(rand:uniform(length(L)), L).
rnd(N) -> << <<(rand:uniform(256) - 1)>> || _ <- lists:seq(1, rand:uniform(N + 1) - 1) >>.

bin(asn1) -> <<(pick([2, 48, 31, 63])), (pick([0, 1, 3, 5, 127, 128, 129, 130, 132, 133])), (pick([0, 1, 3, 5])), (rnd(12))/binary>>;
bin(cdr) -> <<"GIOP", 1, 0, (pick([0, 1])), 0, (pick([0, 0, 0, 5])), 0, 0, (pick([0, 3, 5])), (rnd(12))/binary>>;
bin(sunrm) -> <<(pick([0, 128])), 0, 0, (pick([0, 3, 5])), (rnd(12))/binary>>;
bin(fcgi) -> <<(pick([1, 1, 1, 2])), 6, 0, 1, 0, (pick([0, 3, 5])), (pick([0, 1, 4])), 0, (rnd(14))/binary>>;
bin(tpkt) -> <<(pick([3, 3, 3, 2])), 0, 0, (pick([0, 3, 4, 5, 9, 12])), (rnd(12))/binary>>;
bin(ssl_tls) ->
    case rand:uniform(3) of
        1 -> <<128, (pick([0, 5, 9])), 1, 3, 0, (rnd(12))/binary>>;
        2 -> <<22, 3, 1, 0, (pick([0, 3, 5, 9])), (rnd(12))/binary>>;
        3 -> rnd(12)
    end;
bin(K) when K =:= http; K =:= http_bin -> first_line();
bin(K) when K =:= httph; K =:= httph_bin -> header();
bin(line) -> cut([rnd(5), pick(["a", "bcdef", "x", "longer line"]), pick(["\n", "\r\n", ""]), rnd(5), pick(["\n", ""]), rnd(3)]);
bin(4) -> <<(pick([rand:uniform(30) - 20, rand:uniform(10), rand:uniform(10)])):32, (rnd(10))/binary>>;
bin(2) -> <<0, (rand:uniform(10)), (rnd(10))/binary>>;
bin(_) -> rnd(14).

first_line() ->
    cut([pick(["GET", "get", "POST", "OPTIONS", "HTTP/1.1", "HTTP/1", "HTTP/1.0 ", "HTTP/11.12", "FOO", "A(B", "", " GET", "G\tET", "HTTP/x.1"]),
        pick([" ", "  ", "\t", ""]),
        pick(["/", "*", "*x", "/a/b?c#d", "http://a.b/c", "http://a.b:80/c", "http://a.b:x/c", "HTTPS://h", "https://h:9", "http://",
            "http:///", "ftp:foo", "200", "404", "20x", "-1", "a:", ":", "99999999999", ""]),
        pick([" ", "  ", "\t", ""]),
        pick(["HTTP/1.1", "HTTP/1.0", "http/1.1", "HTTP/1", "HTTP/1.", "HTTP/1.1 ", "HTTP/1.1 x", "OK", "Not Found", "HTTP/2.0x", "",
            "HTTP/99999999999.1"]),
        line_end()]).

header() ->
    cut([pick(["Host", "host", "HOST", "X-Foo-Bar", "x--foo", "A---b", "a-b-", "-a", "", " a", "Content-Length", "cookie", "A(b",
            "Very-Long-Header-Name-That-Is-Really-Longer-Than-Fifty-Bytes-You-Know", "Www-Authenticate", "\r\n", "\n", "\r", "Set-Cookie2"]),
        pick([":", ": ", " : ", "\t:", "", ":\t ", "::"]),
        pick(["v", "", " v ", "a: b", "x\r", "long value with spaces", "1\t"]),
        line_end(),
        pick(["", " more\r\n", "\tmore\n", "next: x\r\n", "\r\n", "\n"])]).

line_end() -> pick(["\r\n", "\n", "\r\n", "\n", "\r", ""]).

cut(Parts) ->
    B = iolist_to_binary(Parts),
    case rand:uniform(12) of
        1 -> binary:part(B, 0, rand:uniform(byte_size(B) + 1) - 1);
        _ -> B
    end.
