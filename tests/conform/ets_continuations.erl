%% Selecting in pieces: the pieces make the whole, whatever happens to the table in between.
-module(ets_continuations).
-export([main/0]).
all('$end_of_table') -> [];
all({L, C}) -> L ++ all(ets:select(C)).
main() ->
    [[begin
          T = ets:new(t, [Type]), ets:insert(T, [{I, I * I} || I <- lists:seq(1, 500)]),
          MS = [{{'$1', '_'}, [{'=:=', {'rem', '$1', 2}, 0}], ['$1']}],
          Whole = lists:sort(ets:select(T, MS)) =:= lists:sort(all(ets:select(T, MS, 7))),
          {First, C1} = ets:select(T, MS, 10),
          Repaired = ets:repair_continuation(C1, MS) =:= C1,
          [ets:delete(T, I) || I <- lists:seq(1, 500), not lists:member(I, First)],
          Rest = all(ets:select(C1)),
          R = {Type, Whole, length(First), Repaired, lists:all(fun(X) -> is_integer(X) end, Rest), ets:select(T, [{{1000, '_'}, [], ['$_']}], 3),
               ets:match(T, {'$1', '_'}, 1000) =/= [], ets:match_object(T, {foo, '_'}, 2), ets:select('$end_of_table'),
               try ets:select({T, foo}) catch C:E -> {C, E} end, element(2, ets:select(T, MS, 1000))},
          ets:delete(T), R2 = try ets:select(C1) catch CC:EE -> {CC, EE} end, {R, R2}
      end || Type <- [set, ordered_set, bag, duplicate_bag]],
     begin
         O = ets:new(o, [ordered_set, named_table]), ets:insert(O, [{I} || I <- lists:seq(1, 9)]), M = [{{'$1'}, [], ['$1']}],
         {A, C} = ets:select(O, M, 4), ets:delete(O, 4), ets:insert(O, {4.5}), ets:delete(O, 6), {B, D} = ets:select(C), {Back, E3} = ets:select_reverse(O, M, 4), {Back2, _} = ets:select_reverse(E3), {Back3, _} = ets:select(E3),
         {A, B, ets:select(D), Back, Back2, Back3, ets:select_reverse(O, M), ets:select(O, M, 9), element(1, ets:select(O, M, 8))}
     end,
     begin
         P = ets:new(p, [ordered_set]), ets:insert(P, [{{K, I}, x} || K <- [a, b, c, 1, 1.0], I <- lists:seq(1, 5)]),
         {ets:select(P, [{{{b, '$1'}, '_'}, [], ['$1']}]), ets:select_reverse(P, [{{{b, '$1'}, '_'}, [], ['$1']}]), ets:select(P, [{{{1, '$1'}, '_'}, [], ['$1']}]), ets:select(P, [{{{1.0, '$1'}, '_'}, [], ['$1']}]),
          ets:select(P, [{{{d, '$1'}, '_'}, [], ['$1']}]), ets:select_count(P, [{{{a, '_'}, x}, [], [true]}]), ets:select_delete(P, [{{{a, '_'}, x}, [], [true]}]), ets:select_delete(P, [{{{b, '$1'}, x}, [{'>', '$1', 3}], [true]}]), ets:tab2list(P),
          all(ets:select(P, [{{{c, '$1'}, '_'}, [], ['$1']}], 2)), ets:match_delete(P, {{c, '_'}, '_'}), ets:first(P), ets:last(P)}
     end].
