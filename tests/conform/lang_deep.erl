%% Deep recursion that is no tail call, and long lists made by it.
-module(lang_deep).
-export([main/0]).
count(0) -> 0; count(N) -> 1 + count(N - 1).
build(0) -> []; build(N) -> [N | build(N - 1)].
nest(0, T) -> T; nest(N, T) -> nest(N - 1, {T}).
unnest({T}, N) -> unnest(T, N + 1); unnest(_, N) -> N.
main() -> [count(1000000), length(build(500000)), lists:sum(build(1000)), unnest(nest(100000, x), 0), nest(5000, x) =:= nest(5000, x), nest(5000, x) < nest(5000, y), erlang:phash2(nest(10000, x)) =:= erlang:phash2(nest(10000, x)), byte_size(term_to_binary(nest(10000, x))), unnest(binary_to_term(term_to_binary(nest(10000, x))), 0), begin P = self(), T = nest(50000, x), spawn(fun() -> P ! {t, T} end), receive {t, R} -> unnest(R, 0) end end].
