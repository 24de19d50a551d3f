%% Stack traces: modules, functions, arities or arguments, lines.
-module(stacktrace).
-export([main/0, f/1]).
-compile(no_auto_import).
f(X) -> Y = g(X), {Y}.
g(X) -> Y = h(X), [Y].
h(bad_arith) -> 1 + erlang:element(1, {a});
h(badarg) -> erlang:atom_to_list(erlang:element(1, {1}));
h(undef) -> no_such_module:no_such(1, 2);
h(undef_local) -> ?MODULE:nope();
h(fc) -> i(erlang:element(1, {3}));
h(lc) -> lists:map(fun(X) -> X + erlang:element(1, {a}) end, [1]);
h(user) -> erlang:error(user, [some, args]);
h(raise) -> erlang:raise(exit, mine, [{m, f, 1, [{file, "x"}, {line, 3}]}]);
h(badarity) -> (fun(_) -> 1 end)();
h(exit) -> erlang:exit(e).
i(1) -> 2.
clean(S) -> [case E of {M, F, A, L} when erlang:is_list(A) -> {M, F, A, proplists:get_value(line, L)}; {M, F, A, L} -> {M, F, A, proplists:get_value(line, L)} end || {M, _, _, _} = E <- S, M =:= ?MODULE orelse M =:= erlang orelse M =:= lists orelse M =:= no_such_module orelse M =:= m].
main() -> [{X, try f(X) catch C:R:S -> {C, case R of {badarity, {_, A}} -> {badarity, A}; _ -> R end, clean(S)} end} || X <- [bad_arith, badarg, undef, undef_local, fc, lc, user, raise, badarity, exit]].
