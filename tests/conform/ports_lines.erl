%% Ports that give lines: a carriage return before the line's end goes with it, wherever the line is cut and however the bytes come.
-module(ports_lines).
-export([main/0]).
main() ->
    [[read(S, L, O) || {S, L} <- [{"a\\r\\nb\\rc\\n\\r\\n\\r\\r\\nend\\r\\n", 10}, {"12345\\r\\n1234567890\\r\\nx\\ry\\n", 5}, {"12345\\rab\\n", 5}, {"1234\\r\\n", 5}, {"123456789\\r\\n", 5}, {"12345\\r\\r\\n", 5}, {"\\r\\r\\r\\r\\r\\r\\r\\n", 3}, {"abc\\ndef\\n", 3}, {"a\\r\\n\\nb\\n", 1}], O <- [[], [binary]]],
     [read(S, 5, [eof]) || S <- ["12\\r", "12345", "12345\\r", "123456\\r", "\\r", "1234567890\\r"]],
     [parts(L) || L <- [5, 100]]].
read(S, L, O) -> all(open_port({spawn, "printf '" ++ S ++ "'"}, [{line, L}, exit_status | O]), lists:member(eof, O)).
parts(L) -> all(open_port({spawn, "sh -c \"printf 'ab\\r'; sleep 0.1; printf '\\n1234\\r'; sleep 0.1; printf '\\nabcde\\r'; sleep 0.1; printf '\\n12345\\r'; sleep 0.1; printf '6\\n'\""}, [{line, L}, exit_status]), false).
all(P, Eof) -> receive {P, {data, D}} -> [D | all(P, Eof)]; {P, {exit_status, _}} when Eof -> all(P, Eof); {P, X} -> [X] after 3000 -> timeout end.
