%% What stands in the trace of a failure: operators and native functions with their arguments, callers or not.
-module(stack_operators).
-export([main/0]).
-compile([export_all, nowarn_export_all]).
main() ->
    Fs = [F || {F, 1} <- ?MODULE:module_info(exports), F =/= module_info],
    [{F, top(F)} || F <- lists:sort(Fs)].
top(F) ->
    put(seen, no),
    try ?MODULE:F(x), nothing catch C:R:S -> {C, R, [{M, N, A} || {M, N, A, _} <- stop(S)]} end.
stop([{?MODULE, top, _, _} | _]) -> [];
stop([H | T]) -> [H | stop(T)];
stop([]) -> [].
only_light(X) -> list_to_integer(X).
only_heavy(X) -> ets:lookup(X, 1).
only_nif(X) -> binary:split(X, X).
only_binnif(X) -> erlang:binary_to_term(X).
only_error(X) -> erlang:error(X).
only_error2(X) -> erlang:error(X, [X]).
only_exit(X) -> exit(X).
only_throw(X) -> throw(X).
only_apply(X) -> X:foo().
only_apply_bif(X) -> (mod(X)):list_to_integer(X).
only_apply3(X) -> apply(erlang, fn(X), [X]).
only_fun(X) -> (fn2(X))(X).
only_undef(_) -> nomod:foo(1).
only_put_badarg(X) -> register(X, X).
only_send(X) -> X ! 1.
only_spawn(X) -> spawn(X).
only_maps(X) -> maps:get(a, X).
only_hd(X) -> hd(X).
only_element(X) -> element(1, X).
only_size(X) -> map_size(X).
only_raise(_) -> erlang:raise(error, foo, [{a, b, 1, []}]).
last_light(X) -> Y = id(X), list_to_integer(Y).
last_heavy(X) -> Y = id(X), ets:lookup(Y, 1).
last_apply_bif(X) -> M = mod(X), M:list_to_integer(X).
last_fun(X) -> F = fn2(X), F(X).
last_error(X) -> Y = id(X), erlang:error(Y).
last_undef(X) -> Y = id(X), nomod:foo(Y).
mid_light(X) -> Y = list_to_integer(X), {Y}.
mid_heavy(X) -> Y = ets:lookup(X, 1), {Y}.
mid_apply(X) -> Y = (mod(X)):list_to_integer(X), {Y}.
op_plus(X) -> X + 1.
op_minus(X) -> X - 1.
op_times(X) -> X * 2.
op_slash(X) -> X / 2.
op_div(X) -> X div 2.
op_div0(X) -> byte_size(atom_to_binary(X)) div (byte_size(atom_to_binary(X)) - 1).
op_rem(X) -> X rem 2.
op_band(X) -> X band 2.
op_bor(X) -> X bor 2.
op_bxor(X) -> X bxor 2.
op_bnot(X) -> bnot X.
op_bsl(X) -> X bsl 2.
op_bsr(X) -> X bsr 2.
op_neg(X) -> -X.
op_pos(X) -> +X.
op_not(X) -> not X.
op_and(X) -> X and true.
op_or(X) -> X or true.
op_xor(X) -> X xor true.
op_app(X) -> X ++ [1].
op_sub(X) -> X -- [1].
op_float(X) -> float(X) * 2.0.
op_abs(X) -> abs(X).
op_round(X) -> round(X).
op_length(X) -> length(X).
op_float_overflow(X) -> Y = float(byte_size(atom_to_binary(X))) * 1.0e308, Y * Y.
op_float_div0(X) -> Y = float(byte_size(atom_to_binary(X))) - 1.0, 1.0 / Y.
op_bsl_huge(X) -> byte_size(atom_to_binary(X)) bsl (1 bsl 70).
mid_plus(X) -> Y = X + 1, {id(Y)}.
map_bad(X) -> X#{a => 1}.
map_badkey(X) -> (m(X))#{b := 1}.
case_clause(X) -> case X of a -> 1 end.
bad_match(X) -> a = X.
fun_clause(a) -> 1.
if_clause(X) -> if X == a -> 1 end.
bad_fun(X) -> X(1).
bad_arity(X) -> F = fn2(X), F(1, 2).
bin_bad(X) -> <<X:8>>.
m(_) -> #{}.
id(X) -> X.
mod(_) -> erlang.
fn(_) -> list_to_integer.
fn2(_) -> fun erlang:list_to_integer/1.
