%% try with all its parts, in all the orders in which they may leave.
-module(try_catch).
-export([main/0]).
e(ok) -> fine; e({error, R}) -> error(R); e({exit, R}) -> exit(R); e({throw, R}) -> throw(R); e({match, R}) -> ok = R; e({clause, R}) -> case R of none -> x end; e(iff) -> if node() =:= x -> y end; e({badfun, F}) -> F(); e({args, R}) -> error(R, [1, 2]).
a(X) -> try e(X) of fine -> of_fine; O -> {o, O} catch throw:T -> {thrown, T}; exit:E -> {exited, E}; error:badarg -> known; C:R -> {C, R} end.
b(X) -> put(trace, []), R = try try e(X) after put(trace, [inner | get(trace)]) end catch C:Y -> {outer, C, Y} after put(trace, [outer | get(trace)]) end, {R, get(trace)}.
c(X) -> try e(X) of fine -> error(from_of) catch error:from_of -> never after ok end.
d(X) -> try e(X) catch _:_ -> throw(from_catch) after put(after_, X) end.
f(X) -> try e(X) catch error:R when is_atom(R) -> {atom, R}; error:{badmatch, _} = R -> {m, R} end.
main() ->
    L = [ok, {error, badarg}, {error, other}, {exit, e}, {throw, t}, {match, no}, {clause, c}, iff, {badfun, 3}, {args, q}],
    [[a(X) || X <- L], [b(X) || X <- L], [try c(X) catch C:R -> {C, R} end || X <- L], [{catch d(X), get(after_)} || X <- L], [try f(X) catch C:R -> {C, R} end || X <- L],
     [case catch e(X) of {'EXIT', {R, S}} when is_list(S) -> {'EXIT', R}; O -> O end || X <- L], catch throw(a), (catch 1 + 1), catch exit(x),
     try throw(x) catch x -> caught end, [try throw(X) catch Y when Y > 1 -> {big, Y}; Y -> {small, Y} end || X <- [1, 2]]].
