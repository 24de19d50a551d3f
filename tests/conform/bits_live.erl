%% Parts of a binary into many registers, the rest after them, at every filling of the heap: only what has been written by then is live.
-module(bits_live).
-export([main/0]).

main() ->
    Lists = [dirty(N) || N <- lists:seq(1, 300)],
    {erlang:phash2(Lists), length(Lists), [late(<<N:64, 1, 2:64, 3>>) || N <- [0, 1 bsl 63, 5]],
     [fails({a, N}, [N], <<N:72, X>>) || N <- [1, 1 bsl 70], X <- [7, 8]]}.

%% Registers are left with garbage of an earlier call, and the heap a little fuller each time.
dirty(N) ->
    junk(N, [N], {N}, [N | N], {N, N}, [N, N]),
    [_ | _] = lists:seq(1, N),
    quads(40, << <<I:8>> || I <- lists:seq(1, 160) >>).

junk(0, _, _, _, _, _) -> ok;
junk(N, A, B, C, D, E) -> junk(N - 1, [A | N], {N, N}, [N | E], {D, N}, {B, C, N}) .

quads(0, T) -> {T, []};
quads(N, <<A, B, C, D, T/binary>>) ->
    {Rest, Quads} = quads(N - 1, T),
    {Rest, [{A, B, C, D} | Quads]}.

%% The first parts are small, a later one may be large.
late(<<A:64, B, C:64, D>>) -> {D, C, B, A}.

%% What is needed where the match fails outlives what was built before.
fails(A, B, <<X:72, 7>>) -> {A, B, X};
fails(A, B, Other) -> {Other, B, A}.
