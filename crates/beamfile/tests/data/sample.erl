%% A little of everything that a code chunk can hold. Compiled by each release: see README.
-module(sample).
-export([len/1, loop/2, classify/1, guarded/1, caught/1, bits/1, build/2, floats/2, funs/1, maps/1, record/1, big/0, apply_it/3, nested/1]).
-record(point, {x = 0, y = 0, z}).

len([]) -> 0;
len([_ | T]) -> 1 + len(T).

loop(Timeout, Acc) ->
    receive
        {add, N} when is_integer(N) -> loop(Timeout, [N | Acc]);
        {From, Ref, get} -> From ! {Ref, Acc}, loop(Timeout, Acc);
        stop -> lists:reverse(Acc)
    after Timeout -> timeout
    end.

classify(a) -> 1;
classify(b) -> 2;
classify({_, _}) -> pair;
classify({_, _, _}) -> triple;
classify(N) when is_integer(N), N > 1000 -> large;
classify(1.5) -> float;
classify(18446744073709551617) -> huge;
classify(_) -> other.

guarded(X) when tuple_size(X) =:= 2; map_size(X) > 3 -> element(1, X);
guarded(X) when byte_size(X) rem 8 =:= 0 -> ok.

caught(F) ->
    try F() of
        ok -> (catch F());
        Other -> {other, Other}
    catch
        throw:T -> {thrown, T};
        error:E:S -> {E, S}
    after
        put(done, true)
    end.

bits(<<A:3, B:5/signed, "ab", C/float, L:8, D:L/binary, E/utf8, R/bitstring>>) -> {A, B, C, D, E, R};
bits(<<A:32/little, _/binary>>) -> <<A:64/little, "xyz", A:16, (<<1>>)/binary>>;
bits(L) -> << <<X:4>> || X <- L >>.

build(A, B) -> {A, [B, "text", <<"bin">>, #{a => A, B => 1}], fun() -> {A, B} end, fun lists:map/2}.

floats(A, B) when is_float(A), is_float(B) -> A * B + 1.0 / (A - B).

funs(Xs) -> [F(X) || X <- Xs, F <- [fun erlang:abs/1, fun(Y) -> Y + length(Xs) end]].

maps(#{key := V} = M) -> M#{key := V + 1, new => V};
maps(M) when is_map_key(other, M) -> map_get(other, M).

record(#point{x = X} = P) -> P#point{y = X, z = len([X])}.

big() -> {123456789012345678901234567890, -9223372036854775809, 1 bsl 62}.

apply_it(M, F, A) -> M:F(A, A), apply(M, F, A).

nested(X) ->
    try
        try hd(X) catch error:badarg -> caught(fun() -> X end) end
    catch
        _:_ -> catch nested(tl(X))
    end.
