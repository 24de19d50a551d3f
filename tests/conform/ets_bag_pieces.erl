%% A bag's objects of one key in pieces: newest first from piece to piece, each piece in the order of insertion.
-module(ets_bag_pieces).
-export([main/0]).
main() ->
    [begin
         T = ets:new(t, [Type]), [ets:insert(T, {K, V}) || V <- lists:seq(1, 8), K <- [a, b]],
         {pieces(ets:match(T, {a, '$1'}, 1), fun ets:match/1), pieces(ets:match(T, {a, '$1'}, 3), fun ets:match/1), pieces(ets:match_object(T, {b, '_'}, 5), fun ets:match_object/1),
          pieces(ets:select(T, [{{a, '$1'}, [{'>', '$1', 2}], ['$1']}], 2), fun ets:select/1),
          pieces(ets:select_reverse(T, [{{a, '$1'}, [], ['$1']}], 3), fun ets:select_reverse/1),
          ets:select(T, [{{a, '$1'}, [], ['$1']}]), ets:select_reverse(T, [{{a, '$1'}, [], ['$1']}]), ets:match(T, {b, '$1'})}
     end || Type <- [bag, duplicate_bag]].
pieces('$end_of_table', _) -> [];
pieces({L, C}, F) -> [L | pieces(F(C), F)].
