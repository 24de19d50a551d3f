%% Instructions that machine code does in line, on terms of every kind: tests, shifts, maps, guard functions, numbers that are equal but not the same.
-module(hot_ops).
-export([main/0]).
main() ->
    B = <<1:7>>, <<_:3, Odd:16/bits, _/bits>> = <<1:3, 77:16, 0:5>>,
    Terms = [0, 1, -1, 7, 1 bsl 60, -(1 bsl 62), 1 bsl 62, 1 bsl 80, 0.0, -0.0, 1.0, 1.5, 1.0e300, a, true, false, [], [1], [a | b], {}, {1, 2}, <<>>, <<"abc">>, B, Odd,
             binary:copy(<<"x">>, 300), #{}, #{a => 1}, #{a => 1, b => 2, 3 => c, 1.0 => d, "s" => e}, maps:from_list([{I, -I} || I <- lists:seq(1, 50)]),
             fun erlang:max/2, fun(X) -> X end, fun(X, Y) -> {X, Y, B} end, self(), make_ref()],
    Ports = [P || P <- erlang:ports()],
    Kinds = fun(T) -> hot(fun() -> kind(T) end) end,
    [[Kinds(T) || T <- Terms], [Kinds(P) || P <- lists:sublist(Ports, 1)],
     [erlang:phash2([{equal(X, Y), sizes(X), keys(X, Y)} || Y <- Terms, not is_pid(Y), not is_reference(Y), not is_function(Y)])
      || X <- Terms, not is_pid(X), not is_reference(X), not is_function(X)],
     [catch shifts(X, Y) || X <- [0, 1, -1, 5, -5, 1 bsl 40, -(1 bsl 61), 1 bsl 61, 1 bsl 70, a], Y <- [0, 1, 2, 30, 61, 62, 63, 64, -1, -62, -64, 1.0]],
     loop(3000, #{a => 0, b => 1, "k" => 2}, maps:from_list([{I, I} || I <- lists:seq(1, 40)])), dict(3000), [failing(T) || T <- Terms, not is_pid(T), not is_reference(T), not is_function(T)]].
hot(F) -> Rs = [F() || _ <- lists:seq(1, 300)], hd(lists:usort(Rs)).
kind(T) ->
    [is_pid(T), is_port(T), is_reference(T), is_binary(T), is_bitstring(T), is_function(T), is_function(T, 1), is_function(T, 2), is_map(T), is_number(T),
     if is_pid(T) -> pid; is_port(T) -> port; is_reference(T) -> ref; is_binary(T) -> binary; is_bitstring(T) -> bits; is_function(T, 2) -> fun2; is_function(T) -> 'fun'; true -> other end].
equal(X, Y) -> [X == Y, X /= Y, X =:= Y, X =/= Y, X < Y, X >= Y, if X == Y -> 1; X /= Y -> 2 end, max(X, Y) =:= X, min(X, Y) =:= X].
sizes(T) -> [if map_size(T) > 1 -> many; is_map(T) -> few; true -> none end, if tuple_size(T) =:= 2 -> two; true -> no end, if byte_size(T) > 2 -> long; bit_size(T) >= 0 -> short; true -> no end,
             if length(T) > 0 -> full; true -> no end, if abs(T) > 1 -> large; true -> small end].
keys(M, K) ->
    [if is_map_key(K, M) -> yes; true -> no end, if map_get(K, M) =:= 1 -> one; true -> other end, case M of #{K := V} -> {v, V}; _ -> none end,
     case M of #{a := A, 3 := C} -> [A, C]; #{a := A} -> A; #{7 := S} -> S; _ -> none end].
shifts(X, Y) -> {try X bsl Y catch error:E -> E end, try X bsr Y catch error:F -> F end}.
loop(0, M, L) -> {M, lists:sum(maps:values(L))};
loop(N, #{a := A, b := B} = M, L) ->
    K = 1 + N rem 40, #{K := V} = L,
    loop(N - 1, case N rem 4 of 0 -> M#{a := B, b := A + V}; 1 -> M#{a => N}; 2 -> M#{"k" := N}; 3 -> M#{a := A, b := B} end, L#{K := V + 1}).
dict(0) -> [get(one), get("two"), get({3}), get(none), erase(one), erase("two"), erase({3})];
dict(N) -> put(one, N), put("two", get(one)), put({3}, get("two")), dict(N - 1).
failing(T) ->
    hot(fun() ->
        [try map_size(T) catch error:E1 -> E1 end, try map_get(zz, T) catch error:E2 -> E2 end, try is_map_key(zz, T) catch error:E3 -> E3 end,
         try T#{zz := 1} catch error:E4 -> E4 end, try map_size(T#{a => 1}) catch error:E5 -> E5 end, try byte_size(T) catch error:E6 -> E6 end, try round(T) catch error:E7 -> E7 end,
         try T + 1 =/= T catch error:E8 -> E8 end, try -T =:= T catch error:E9 -> E9 end, try bnot T catch error:E10 -> E10 end]
    end).
