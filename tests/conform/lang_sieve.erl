%% Small programs on lists: primes, queens, permutations, sorting, life, Levenshtein.
-module(lang_sieve).
-export([main/0]).
sieve([]) -> []; sieve([P | R]) -> [P | sieve([X || X <- R, X rem P =/= 0])].
queens(0, _) -> [[]]; queens(R, N) -> [[C | Q] || Q <- queens(R - 1, N), C <- lists:seq(1, N), safe(C, Q, 1)].
safe(_, [], _) -> true; safe(C, [Q | R], D) -> C =/= Q andalso abs(C - Q) =/= D andalso safe(C, R, D + 1).
perms([]) -> [[]]; perms(L) -> [[H | T] || H <- L, T <- perms(L -- [H])].
qs([]) -> []; qs([P | R]) -> qs([X || X <- R, X < P]) ++ [P] ++ qs([X || X <- R, X >= P]).
step(L) -> N = [{X + I, Y + J} || {X, Y} <- L, I <- [-1, 0, 1], J <- [-1, 0, 1], {I, J} =/= {0, 0}], C = lists:foldl(fun(K, M) -> maps:update_with(K, fun(V) -> V + 1 end, 1, M) end, #{}, N), lists:sort([K || {K, V} <- maps:to_list(C), V =:= 3 orelse (V =:= 2 andalso lists:member(K, L))]).
lev(A, B) -> lists:last(lists:foldl(fun(C, Row) -> row(C, B, Row) end, lists:seq(0, length(B)), A)).
row(C, B, [F | _] = Old) -> row(C, B, Old, [F + 1]).
row(_, [], _, New) -> lists:reverse(New); row(C, [C | B], [O | R], New) -> row(C, B, R, [O | New]); row(C, [_ | B], [O1, O2 | _] = [_ | R], [N | _] = New) -> row(C, B, R, [1 + min(O1, min(O2, N)) | New]).
main() -> [sieve(lists:seq(2, 100)), length(queens(6, 6)), hd(queens(8, 8)), length(perms([1, 2, 3, 4, 5])), hd(lists:reverse(perms([a, b, c]))), qs([5, 3, 9, 1, 5, 0, -3]), lists:foldl(fun(_, L) -> step(L) end, [{0, 1}, {1, 2}, {2, 0}, {2, 1}, {2, 2}], lists:seq(1, 20)), lev("kitten", "sitting"), lev("", "abc")].
