%% A JSON reader and writer on binaries, as libraries write them.
-module(lang_parse).
-export([main/0]).
dec(B) -> {V, R} = val(ws(B)), <<>> = ws(R), V.
ws(<<C, R/binary>>) when C =:= $\s; C =:= $\n; C =:= $\t; C =:= $\r -> ws(R); ws(B) -> B.
val(<<"null", R/binary>>) -> {null, R}; val(<<"true", R/binary>>) -> {true, R}; val(<<"false", R/binary>>) -> {false, R}; val(<<$", R/binary>>) -> str(R, <<>>); val(<<$[, R/binary>>) -> arr(ws(R), []); val(<<${, R/binary>>) -> obj(ws(R), #{}); val(B) -> num(B, 0).
str(<<$", R/binary>>, A) -> {A, R}; str(<<$\\, $u, H:4/binary, R/binary>>, A) -> C = binary_to_integer(H, 16), str(R, <<A/binary, C/utf8>>); str(<<$\\, $n, R/binary>>, A) -> str(R, <<A/binary, $\n>>); str(<<$\\, C, R/binary>>, A) -> str(R, <<A/binary, C>>); str(<<C/utf8, R/binary>>, A) -> str(R, <<A/binary, C/utf8>>).
arr(<<$], R/binary>>, A) -> {lists:reverse(A), R}; arr(<<$,, R/binary>>, A) -> arr(ws(R), A); arr(B, A) -> {V, R} = val(B), arr(ws(R), [V | A]).
obj(<<$}, R/binary>>, M) -> {M, R}; obj(<<$,, R/binary>>, M) -> obj(ws(R), M); obj(<<$", B/binary>>, M) -> {K, R} = str(B, <<>>), <<$:, R2/binary>> = ws(R), {V, R3} = val(ws(R2)), obj(ws(R3), M#{K => V}).
num(B, N) -> case B of <<_:N/binary, C, _/binary>> when C >= $0, C =< $9; C =:= $-; C =:= $+; C =:= $.; C =:= $e; C =:= $E -> num(B, N + 1); _ -> <<D:N/binary, R/binary>> = B, {try binary_to_integer(D) catch error:badarg -> binary_to_float(D) end, R} end.
enc(null) -> <<"null">>; enc(B) when is_boolean(B) -> atom_to_binary(B); enc(I) when is_integer(I) -> integer_to_binary(I); enc(F) when is_float(F) -> float_to_binary(F, [short]); enc(S) when is_binary(S) -> [$", esc(S), $"]; enc(L) when is_list(L) -> [$[, lists:join($,, [enc(X) || X <- L]), $]]; enc(M) when is_map(M) -> [${, lists:join($,, [[enc(K), $:, enc(V)] || {K, V} <- lists:sort(maps:to_list(M))]), $}].
esc(S) -> << <<(case C of $" -> <<"\\\"">>; $\n -> <<"\\n">>; _ -> <<C/utf8>> end)/binary>> || <<C/utf8>> <= S >>.
main() -> J = <<"{\"a\": [1, -2.5e3, true, null, {\"b\": \"x\\n\\u00e5\\\"\"}], \"é\": \"€\" , \"empty\": [], \"o\": {}, \"big\": 123456789012345678901234567890}"/utf8>>, V = dec(J), Big = iolist_to_binary(enc([#{<<"id">> => I, <<"name">> => integer_to_binary(I)} || I <- lists:seq(1, 500)])), [V, iolist_to_binary(enc(V)), dec(iolist_to_binary(enc(V))) =:= V, byte_size(Big), length(dec(Big)), erlang:phash2(dec(Big)), [try dec(X) catch error:E -> if is_tuple(E) -> element(1, E); true -> E end end || X <- [<<"[1">>, <<"{1:2}">>, <<"\"abc">>, <<"1 2">>]]].
