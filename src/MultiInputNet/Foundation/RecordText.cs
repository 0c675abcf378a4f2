using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Reflection;
using System.Text;
using TorchSharp;

namespace MultiInputNet;

/// <summary>
/// An object's settable properties as text, as the compiler writes a record's, but with the elements of its collections, in invariant
/// culture, and without nulls and functions.
/// </summary>
internal static class RecordText
{
    private const int MostElements = 12;

    /// <param name="record">The object.</param>
    /// <param name="type">Its type, which says to a trimmed program that all of its public properties are needed.</param>
    public static string Of(object record, [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicProperties)] Type type)
    {
        var members = type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(property => property.SetMethod is not null)
            .GroupBy(property => property.DeclaringType).Reverse().SelectMany(declared => declared) // what all of a kind have comes first
            .Select(property => (property.Name, Value: property.GetValue(record)))
            .Where(member => member.Value is not (null or Delegate))
            .Select(member => $"{member.Name} = {Text(member.Value!)}")
            .ToArray();
        return members.Length == 0 ? $"{type.Name} {{ }}" : $"{type.Name} {{ {string.Join(", ", members)} }}";
    }

    private static string Text(object value) => value switch
    {
        string text => text,
        Encoding encoding => encoding.WebName,
        torch.Tensor tensor => $"{tensor.dtype} {Shapes.Text(tensor.shape)}",
        IDictionary values => $"{{ {string.Join(", ", Some(values.Keys, key => $"{Text(key)} = {Text(values[key]!)}"))} }}",
        IEnumerable elements => $"[{string.Join(", ", Some(elements, Text))}]",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => $"{value}",
    };

    private static IEnumerable<string> Some(IEnumerable elements, Func<object, string> text)
    {
        var all = elements.Cast<object>().ToArray();
        return all.Take(MostElements).Select(text).Concat(all.Length > MostElements ? [string.Create(CultureInfo.InvariantCulture, $"... {all.Length} in all")] : []);
    }
}
